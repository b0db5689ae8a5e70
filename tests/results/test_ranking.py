"""Attacks ranked by harm under a detection budget, by hand."""

from dataclasses import replace

import pytest

from pgan_ray.errors import SpecError
from pgan_ray.results import Change, Estimate, estimate, ranking, rule_for, rule_of, strongest
from tests.report.report_sweep import make_record
from tests.searches import small_search


def change(name: str, control: str, damage: float, error: float, *excess: float, fraction: float = 0.4) -> Change:
    """``excess``: of each replicate."""
    rates = {"false_positive_rate": damage, "test_error": error}
    seen = {"excess_rejection": estimate([[one] for one in excess])} if excess else {}
    if excess:
        seen["excess_rejection_both"] = Estimate(0.45, 0.01, 2, 2)
    of_rates = {rate: Estimate(mean, 0.01, 2, 2) for rate, mean in rates.items()}
    return Change(name, "", fraction, control, of_rates, seen)


CHANGES = [
    change("loud", "none", 0.5, 0.3, 0.25, 0.25),
    change("quiet", "none", 0.2, 0.01, 0.0, 0.0),
    change("quiet", "removal", 0.1, 0.04, 0.0, 0.0),  # what holds beyond each control counts: the least
    change("faint", "none", 0.15, 0.02, -0.05, 0.05),
    change("faint", "none", 0.9, 0.9, fraction=0.2),  # not at the largest fraction
]


def test_harm_counts_beyond_every_control_and_below_the_budget_first() -> None:
    found = ranking(CHANGES, budget=0.01)
    assert [one.configuration for one in found] == ["faint", "quiet", "loud"]
    assert [one.harm.mean for one in found] == [0.15, 0.1, 0.5]
    assert [one.control for one in found] == ["none", "removal", "none"]
    assert [one.stays_under for one in found] == [True, True, False]
    assert found[2].excess is not None
    assert found[2].excess.mean == pytest.approx(0.25)
    # Of one generator nothing is rejected, of the other a tenth: their mean is under the budget, their interval is not.
    assert [one.is_sure for one in found] == [False, True, True]


def test_the_test_error_another_fraction_and_both_tails() -> None:
    by_error = ranking(CHANGES, budget=1, harm="error")
    assert [one.configuration for one in by_error] == ["loud", "faint", "quiet"]
    (one,) = ranking(CHANGES, budget=0.01, poison_fraction=0.2)
    assert (one.harm.mean, one.excess) == (0.9, None)  # nothing detects there
    assert one.stays_under
    assert not any(one.stays_under for one in ranking(CHANGES, budget=0.01, tails="both"))


def test_of_several_detectors_every_one_must_leave_an_attack_alone() -> None:
    changes = [
        replace(change("seen by one", "none", 0.5, 0.1, -0.05, -0.05), variant="detector=knn_distance"),
        replace(change("seen by one", "none", 0.4, 0.1, 0.2, 0.2), variant="detector=slab"),
        replace(change("seen by none", "none", 0.3, 0.1, -0.02, -0.02), variant="detector=knn_distance"),
        replace(change("seen by none", "none", 0.2, 0.1), variant="detector=none"),
    ]
    alone = ranking(changes, budget=0.01)
    assert [one.stays_under for one in alone] == [True, True, True, False]
    found = ranking(changes, budget=0.01, by_every_variant=True)
    assert [(one.configuration, one.harm.mean, one.stays_under) for one in found] == [
        ("seen by none", 0.3, True),
        ("seen by none", 0.2, True),
        ("seen by one", 0.5, False),
        ("seen by one", 0.4, False),
    ]
    assert [one.excess and one.excess.mean for one in found] == pytest.approx([-0.02, -0.02, 0.2, 0.2])


def test_what_has_no_victims_is_refused() -> None:
    with pytest.raises(SpecError, match=r"must be one that has victims \(0.2, 0.4\), got 0.3"):
        ranking(CHANGES, budget=0.01, poison_fraction=0.3)
    with pytest.raises(SpecError, match=r"\(0.2, 0.4\), got '0.4'"):
        ranking(CHANGES, budget=0.01, poison_fraction="0.4")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="must have poisoned victims and"):
        ranking([], budget=0.01)


@pytest.mark.parametrize("budget", [float("nan"), 2, -1.5, "0.01"])
def test_a_budget_is_a_share(budget: float) -> None:
    with pytest.raises(SpecError, match="detection_budget: must be a number from -1 to 1, got "):
        rule_for(make_record().sweep, budget)


def test_the_strongest_attack_of_a_sweep_with_all_its_controls() -> None:
    sweep = make_record().sweep
    weak, strong = "alpha=0.9", "alpha=0.1"
    changes = [
        change(weak, "none", 0.1, 0.1, 0.0, 0.0),
        change(strong, "none", 0.3, 0.1, 0.0, 0.0),
        change(strong, "removal", 0.2, 0.1, 0.0, 0.0),
        change(strong, "none", 0.5, 0.1, 0.0, 0.0, fraction=0.2),
        change("nobodys", "none", 0.9, 0.1, 0.0, 0.0),
    ]
    assert strongest(sweep, changes) == changes[1:3]
    assert strongest(sweep, changes[4:]) == []


def test_the_strongest_attack_of_a_search_is_told_with_what_every_detector_sees_of_it() -> None:
    sweep = small_search(search__detectability={"metric": "excess_rejection", "at_most": 0.01})
    trial = next(one.id for one in sweep.configurations if one.is_result and not one.is_control)
    changes = [
        replace(change(trial, "none", 0.5, 0.1, -0.05, -0.05), variant="detector=knn_distance"),
        replace(change(trial, "none", 0.4, 0.1, 0.9, 0.9), variant="detector=slab"),
    ]
    found = strongest(sweep, changes)
    assert found == changes
    assert not any(one.stays_under for one in ranking(found, **rule_of(sweep)))
