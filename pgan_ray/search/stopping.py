"""Which trials go on at a rung: successive halving, with the trials of earlier waves beside those of the own one.

Judged are all trials of a wave at once, after the last of them has come to the rung: which of them came first must not
matter.
"""

import math
from collections.abc import Iterable
from dataclasses import replace

from pgan_ray.results import Trial
from pgan_ray.search.choice import ordered
from pgan_ray.spec import SearchSpec, TrialKey


def going_on(spec: SearchSpec, rung: int, trials: Iterable[Trial]) -> frozenset[TrialKey]:
    """Those of ``trials`` that their probe at the ``rung`` does not stop: the best ``keep`` of all that have one there.

    In the order of `ordered`, by the probe's scores. A trial whose probe has no score goes on: nothing is known of it.
    """
    at_rung = [trial for trial in trials if len(trial.probes) > rung]
    judged = [
        replace(trial, state="complete", harm=probe.harm, detectability=probe.detectability)
        for trial in at_rung
        if (probe := trial.probes[rung]).harm is not None
    ]
    best = ordered(spec, judged)[: math.ceil(round(spec.keep * len(judged), 9))]
    return frozenset(trial.key for trial in (*best, *(one for one in at_rung if one.probes[rung].harm is None)))
