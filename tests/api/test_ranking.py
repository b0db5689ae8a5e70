"""Attacks ranked by harm under a detection budget, by hand."""

import pytest

from pgan_ray.api.ranking import ranking
from pgan_ray.errors import SpecError
from pgan_ray.results import Change, Estimate, table_of
from tests.results.rows import row


def change(name: str, control: str, damage: float, error: float, fraction: float = 0.4) -> Change:
    rates = {"false_positive_rate": damage, "test_error": error}
    return Change(name, "", fraction, control, {rate: Estimate(mean, 0.01, 2, 2) for rate, mean in rates.items()})


def rejected(name: str, *poison: float) -> list[dict[str, object]]:
    both = {"rejected_poison_both": 0.5, "rejected_genuine_both": 0.05}
    return [
        row(f"{name}/r{replicate}/f0.4/run0", rejected_poison=share, rejected_genuine=0.05, **both)
        for replicate, share in enumerate(poison)
    ]


CHANGES = [
    change("loud", "none", 0.5, 0.3),
    change("quiet", "none", 0.2, 0.01),
    change("quiet", "removal", 0.1, 0.04),  # what holds beyond each control counts: the least
    change("faint", "none", 0.15, 0.02),
    change("faint", "none", 0.9, 0.9, fraction=0.2),  # not at the largest fraction
]
ROWS = table_of([*rejected("loud", 0.3, 0.3), *rejected("quiet", 0.05, 0.05), *rejected("faint", 0.0, 0.1)])


def test_harm_counts_beyond_every_control_and_below_the_budget_first() -> None:
    found = ranking(ROWS, CHANGES, budget=0.01)
    assert [one.configuration for one in found] == ["faint", "quiet", "loud"]
    assert [one.harm.mean for one in found] == [0.15, 0.1, 0.5]
    assert [one.control for one in found] == ["none", "removal", "none"]
    assert [one.stays_under for one in found] == [True, True, False]
    assert found[2].excess is not None
    assert found[2].excess.mean == pytest.approx(0.25)
    # Of one generator nothing is rejected, of the other a tenth: their mean is under the budget, their interval is not.
    assert [one.is_sure for one in found] == [False, True, True]


def test_the_test_error_another_fraction_and_both_tails() -> None:
    by_error = ranking(ROWS, CHANGES, budget=1, harm="error")
    assert [one.configuration for one in by_error] == ["loud", "faint", "quiet"]
    (one,) = ranking(ROWS, CHANGES, budget=0.01, poison_fraction=0.2)
    assert (one.harm.mean, one.excess) == (0.9, None)  # nothing detects there
    assert one.stays_under
    assert not any(one.stays_under for one in ranking(ROWS, CHANGES, budget=0.01, tails="both"))


def test_what_has_no_victims_is_refused() -> None:
    with pytest.raises(SpecError, match=r"must be one that has victims \(0.2, 0.4\), got 0.3"):
        ranking(ROWS, CHANGES, budget=0.01, poison_fraction=0.3)
    with pytest.raises(SpecError, match="must have victims of poison"):
        ranking(ROWS, [], budget=0.01)
