"""What the best trials had promised, and what they do when they are evaluated afresh."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pgan_ray.results import Change, Trial
from pgan_ray.search.objective import score
from pgan_ray.spec import Sweep, TrialKey


@dataclass(frozen=True)
class Confirmation:
    """A trial, and the same ``again``: its harm and detectability with new random streams, on what is judged on."""

    configuration: str
    trial: Trial
    again: Trial


def confirmations(sweep: Sweep, trials: Mapping[TrialKey, Trial], changes: Iterable[Change]) -> list[Confirmation]:
    """Of each trial that was evaluated afresh, those that were chosen first first. ``changes``: of the whole sweep."""
    search = sweep.search
    if search is None:
        return []
    every = list(changes)
    return [
        Confirmation(one.id, trials[one.trial], score(search, trials[one.trial], one, every))
        for one in sweep.configurations
        if one.is_result and one.trial is not None and one.trial in trials
    ]
