"""What the best trials had promised, and what they do when they are evaluated afresh."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from pgan_ray.results import Change, Trial
from pgan_ray.search.objective import score
from pgan_ray.spec import Sweep, TrialKey


@dataclass(frozen=True)
class Confirmation:
    """A trial, and the same ``again``: its harm and detectability with new random streams, on what is judged on.

    Of a search against each variant by the variant that the trial was against.
    """

    configuration: str
    trial: Trial
    again: Trial


def confirmations(sweep: Sweep, trials: Mapping[TrialKey, Trial], changes: Iterable[Change]) -> list[Confirmation]:
    """Of each trial that was evaluated afresh, those that were chosen first first. ``changes``: of the whole sweep."""
    search = sweep.search
    if search is None:
        return []
    every = list(changes)
    found = []
    for one in sweep.configurations:
        if one.is_result and one.trial is not None and one.trial in trials:
            trial = trials[one.trial]
            faced = replace(one, variants=search.faced(one.trial[0], one.variants))
            found.append(Confirmation(one.id, trial, score(search, trial, faced, every)))
    return found
