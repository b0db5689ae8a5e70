"""Which trials a rung stops, by hand."""

from dataclasses import replace

import pytest

from pgan_ray.results import Estimate, Probe, Trial
from pgan_ray.search import going_on
from pgan_ray.spec import SearchSpec
from tests.searches import trial

SPEC = SearchSpec.model_validate(
    {
        "method": "tpe",
        "scheduler": "successive_halving",
        "rungs": [0.3, 0.6],
        "detectability": {"at_most": 0.1},
        "start": [],
    }
)


def probed(number: int, *harms: float | None, seen: float = 0.0) -> Trial:
    """A trial that has these harms at its rungs."""
    probes = [
        Probe(share, *((None, None) if harm is None else (Estimate(harm, None, 2, 2), Estimate(seen, None, 2, 2))))
        for share, harm in zip(SPEC.rungs, harms, strict=False)
    ]
    return replace(trial(number), state="running", message="", probes=tuple(probes))


def stays(*trials: Trial, keep: float = 0.5, rung: int = 0) -> set[int]:
    found = going_on(SPEC.model_copy(update={"keep": keep}), rung, trials)
    return {number for _, number in found}


def test_the_better_half_of_all_that_came_to_the_rung_goes_on() -> None:
    earlier = replace(probed(0, 0.5), state="stopped"), replace(trial(1, 0.9), probes=probed(1, 0.1).probes)
    assert stays(*earlier, probed(2, 0.3), probed(3, 0.4)) == {0, 3}
    assert stays(probed(2, 0.3), probed(3, 0.4), probed(4, 0.2)) == {2, 3}  # two of three
    assert stays(*earlier, probed(2, 0.3), probed(3, 0.4), keep=0.25) == {0}
    assert stays(*earlier, probed(2, 0.6, 0.1), probed(3, 0.4), keep=0.9) == {0, 1, 2, 3}


def test_each_rung_compares_what_came_to_it() -> None:
    trials = probed(0, 0.9, 0.1), probed(1, 0.8, 0.2), probed(2, 0.7)
    assert stays(*trials, rung=1) == {1}


def test_what_is_seen_is_stopped_before_what_harms_less() -> None:
    assert stays(probed(0, 0.9, seen=0.5), probed(1, 0.1, seen=0.05)) == {1}
    assert stays(probed(0, 0.9, seen=0.5), probed(1, 0.1, seen=0.3)) == {1}  # the nearer to what is allowed


def test_of_equals_the_earlier_number_goes_on() -> None:
    assert stays(probed(1, 0.5), probed(0, 0.5)) == {0}


def test_a_probe_without_a_score_stops_nothing_and_counts_for_nothing() -> None:
    assert stays(probed(0, None), probed(1, 0.5), probed(2, 0.4)) == {0, 1}


@pytest.mark.parametrize(("keep", "count", "left"), [(0.1, 30, 3), (0.3, 10, 3), (0.55, 100, 55), (0.01, 3, 1)])
def test_the_share_that_is_kept_is_exact_and_never_nothing(keep: float, count: int, left: int) -> None:
    assert len(stays(*(probed(number, number / 100) for number in range(count)), keep=keep)) == left
