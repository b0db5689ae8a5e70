"""Effects over controls, by hand."""

from pathlib import Path

import pytest

from pgan_ray.results import Tally, changes, encode_summary, scores_of, table_of
from pgan_ray.spec import Sweep
from tests.results.rows import diverged, row
from tests.spec.helpers import Loader

REMOVAL = "control=removal"


@pytest.fixture
def sweep(load: Loader) -> Sweep:
    return load({"controls": True, "evaluation.poison_fractions": [0, 0.4], "evaluation.runs": 2})


@pytest.fixture
def load(tmp_path: Path) -> Loader:
    return Loader(tmp_path)


def cell(configuration: str, replicate: int, fraction: str, run: int, *scores: float) -> dict[str, object]:
    error, taken, reverse = scores
    return row(
        f"{configuration}/r{replicate}/f{fraction}/run{run}",
        test_error=error,
        false_positive_rate=taken,
        false_negative_rate=reverse,
    )


def test_differences_are_within_pairs_and_intervals_over_replicates(sweep: Sweep) -> None:
    attack = [
        cell("base", 0, "0", 0, 0.02, 0.02, 0.02),
        cell("base", 0, "0.4", 0, 0.10, 0.16, 0.04),
        cell("base", 0, "0.4", 1, 0.20, 0.30, 0.10),  # no clean partner: it counts over `removal` alone
        cell("base", 1, "0", 0, 0.04, 0.04, 0.04),
        cell("base", 1, "0.4", 0, 0.16, 0.28, 0.04),
    ]
    control = [
        cell(REMOVAL, 0, "0.4", 0, 0.05, 0.01, 0.09),
        cell(REMOVAL, 0, "0.4", 1, 0.06, 0.02, 0.10),
        cell(REMOVAL, 1, "0.4", 0, 0.06, 0.02, 0.10),
        diverged(f"{REMOVAL}/r1/f0.4/run1"),
    ]
    tally = Tally()
    tally.add("base", table_of(attack))
    tally.add(REMOVAL, table_of(control))
    over_none, over_removal = tally.changes(sweep)
    assert [(c.configuration, c.poison_fraction, c.control) for c in (over_none, over_removal)] == [
        ("base", 0.4, "none"),
        ("base", 0.4, "removal"),
    ]
    error = over_none.rates["test_error"]
    assert (error.mean, error.replicates, error.cells) == (pytest.approx((0.08 + 0.12) / 2), 2, 2)
    assert error.half_width == pytest.approx(12.706 * 0.02, rel=1e-3)  # t of one degree of freedom, x s / sqrt 2
    assert over_none.rates["specificity"].mean == pytest.approx((0.14 - 0.02 + 0.24 - 0.0) / 2)
    damage = over_removal.rates["false_positive_rate"]
    assert (damage.mean, damage.cells) == (pytest.approx(((0.15 + 0.28) / 2 + 0.26) / 2), 3)
    means = {replicate: found["false_positive_rate"] for replicate, found in over_removal.means.items()}
    assert means == pytest.approx({0: (0.15 + 0.28) / 2, 1: 0.26})
    assert b'"means"' not in encode_summary({"points": [], "changes": [over_removal]})


def test_without_a_detector_nothing_is_seen(load: Loader) -> None:
    attack = [cell("base", 0, "0", 0, 0.02, 0.02, 0.02), cell("base", 0, "0.4", 0, 0.1, 0.16, 0.04)]
    for detector, seen in (("knn_distance", {"excess_rejection", "excess_rejection_both"}), ("none", set())):
        sweep = load({"evaluation.detector.name": detector})
        (found,) = changes(sweep, {"base": scores_of(table_of(attack))})
        assert seen <= set(found.detectability)
        assert bool(seen) == bool(found.detectability)


def test_without_partners_there_is_nothing_to_compare(sweep: Sweep) -> None:
    rows = table_of([cell("base", 0, "0.4", 0, 0.1, 0.1, 0.1)])
    assert changes(sweep, {"base": scores_of(rows)}) == []
    assert changes(sweep, {REMOVAL: scores_of(rows)}) == []


def test_a_control_is_of_the_configurations_with_its_setting(load: Loader) -> None:
    sweep = load({"controls": True, "seed": {"grid": [1, 2]}, "attack.alpha": {"grid": [0.1, 0.9]}})
    ids = [c.id for c in sweep.configurations]
    assert ids[4:] == ["seed=1,control=removal", "seed=2,control=removal"]
    scores = {
        name: scores_of(table_of([cell(name, 0, "0.4", 0, error, error, error)]))
        for name, error in zip(ids, (0.1, 0.2, 0.3, 0.4, 0.01, 0.02), strict=True)
    }
    found = {change.configuration: change.rates["test_error"].mean for change in changes(sweep, scores)}
    assert found == pytest.approx(dict(zip(ids[:4], (0.09, 0.18, 0.29, 0.38), strict=True)))


@pytest.mark.parametrize(
    "changes",
    [
        {"controls": False},
        {"evaluation.placement": "add"},
        {"evaluation.victim": {"name": "none"}},
        {"evaluation.poison_fractions": [0]},
    ],
)
def test_who_gets_no_control(load: Loader, changes: dict[str, object]) -> None:
    assert [c.id for c in load({"controls": True} | changes).configurations] == ["base"]


def test_a_sweep_that_names_the_control_has_it_once(load: Loader) -> None:
    names = {"grid": ["nearest_label_flip", "removal"]}
    sweep = load({"controls": True, "attack": {"name": names, "replicates": 2}})
    assert [c.id for c in sweep.configurations] == ["attack=nearest_label_flip", "attack=removal"]


def test_added_poison_replaces_nothing(load: Loader) -> None:
    changes = {"attack": {"name": "removal"}, "evaluation.placement": "add"}
    (line,) = load.faults(changes)
    assert line.startswith("(top level): `evaluation.placement` must be `replace` for the control `removal`, got 'add'")
