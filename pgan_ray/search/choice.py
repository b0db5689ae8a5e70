"""Which trials are the best by their own scores. Those flatter them: what is chosen is evaluated afresh."""

from collections.abc import Iterable, Sequence

from pgan_ray.results import Trial
from pgan_ray.spec import SearchSpec

WORST = (0.0, 1.0)
"""Harm and detectability of an attack of no use, from which the hypervolume is counted."""


def ordered(spec: SearchSpec, trials: Iterable[Trial]) -> list[Trial]:
    """The complete ones of ``trials``, the best first: by harm; after the feasible the others, by detectability."""

    def key(trial: Trial) -> tuple[bool, float, int]:
        harm, seen = trial.point
        is_feasible = trial.is_within(spec)
        return (not is_feasible, -harm if is_feasible else seen, trial.key[1])

    return sorted((trial for trial in trials if trial.state == "complete"), key=key)


def best(spec: SearchSpec, trials: Iterable[Trial]) -> Trial | None:
    """The best feasible trial, if there is one."""
    found = ordered(spec, trials)
    return found[0] if found and found[0].is_within(spec) else None


def front(trials: Iterable[Trial]) -> list[Trial]:
    """The trials that no other beats in both harm and detectability, by rising detectability."""
    points = [trial for trial in trials if trial.state == "complete"]
    points.sort(key=lambda trial: (trial.point[1], -trial.point[0], trial.key[1]))
    found: list[Trial] = []
    for trial in points:
        if not found or trial.point[0] > found[-1].point[0]:
            found.append(trial)
    return found


def hypervolumes(trials: Sequence[Trial]) -> list[float]:
    """After each of ``trials``: the area between its front and an attack of no use (`WORST`)."""
    found: list[float] = []
    for count in range(1, len(trials) + 1):
        area, before = 0.0, WORST[0]
        for trial in front(trials[:count]):
            harm, seen = trial.point
            if harm > before:
                area += (harm - before) * max(0.0, WORST[1] - seen)
                before = harm
        found.append(area)
    return found


def to_confirm(spec: SearchSpec, trials: Sequence[Trial]) -> list[Trial]:
    """The trials of one series that are evaluated afresh.

    Of a front as many of its points as are asked for: both ends, and between them at even distances in their order.
    """
    most = spec.confirm.top
    if spec.goal == "worst_case":
        chosen: list[Trial] = []
        for trial in ordered(spec, trials):  # the same values twice are the same networks twice
            if all(trial.values != other.values for other in chosen):
                chosen.append(trial)
        return chosen[:most]
    points = front(trials)
    if len(points) <= most:
        return points
    if most == 1:
        return [points[-1]]
    return [points[round(index * (len(points) - 1) / (most - 1))] for index in range(most)]
