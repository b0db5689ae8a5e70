"""Which defence leaves the least of the worst that attacks do."""

from pathlib import Path
from typing import Any

import pytest

from pgan_ray.results import Change, Estimate, Point, answer, defended, worst_rows
from pgan_ray.results.ranking import strongest
from pgan_ray.spec import Sweep
from tests.spec.helpers import Loader

GRID: dict[str, Any] = {
    "controls": True,
    "attack": {
        "grid": [{"name": "random_label_flip", "replicates": 5}, {"name": "nearest_label_flip", "replicates": 5}]
    },
    "evaluation.detector": {"name": "none"},
    "evaluation.defence": {"grid": [[], [{"name": "slab"}, {"name": "sphere"}], [{"name": "trim"}]]},
}
RANDOM, NEAREST, REMOVAL = "attack=random_label_flip", "attack=nearest_label_flip", "control=removal"
NONE, SLAB, TRIM = "defence=none", "defence=slab+sphere", "defence=trim"
# The test error in per cent with 40 % poison: each attack's, and that of the control, behind each pipeline.
ERRORS = {
    NONE: {RANDOM: 30, NEAREST: 20, REMOVAL: 9},
    SLAB: {RANDOM: 12, NEAREST: 14, REMOVAL: 10},
    TRIM: {RANDOM: 10, NEAREST: 25, REMOVAL: 50},
}


@pytest.fixture
def load(tmp_path: Path) -> Loader:
    return Loader(tmp_path)


@pytest.fixture
def sweep(load: Loader) -> Sweep:
    return load(GRID)


def points(errors: dict[str, dict[str, int]] = ERRORS, half: float = 1.0) -> list[Point]:
    """Of curves from 5 % of error without poison to those told with the most."""
    found = []
    for variant, by_configuration in errors.items():
        for configuration, error in by_configuration.items():
            for fraction, per_cent in ((0.0, 5), (0.2, 90), (0.4, error)):
                rates = {"test_error": Estimate(per_cent / 100, half / 100, 5, 15)}
                found.append(Point(configuration, variant, fraction, rates))
    return found


def test_of_each_defence_the_worst_attack_counts_and_no_control_is_one(sweep: Sweep) -> None:
    (rows,) = defended(sweep, points())
    assert [(row.defence, row.attack, row.error.mean) for row in rows] == [
        ("none", RANDOM, 0.3),
        ("slab+sphere", NEAREST, 0.14),
        ("trim", NEAREST, 0.25),
    ]
    assert {(row.attacks, row.poison_fraction, row.among) for row in rows} == {(2, 0.4, "")}
    assert [row.deleted and row.deleted.mean for row in rows] == [0.09, 0.1, 0.5]
    columns, texts = worst_rows(sweep, [rows])
    assert columns == ("defence", "worst attack", "test error", "without poison", "points only deleted")
    assert texts[1] == ("slab+sphere", f"40 % {NEAREST}", "14.0 ± 1.0", "5.0 ± 1.0", "10.0 ± 1.0")


def test_the_answer_says_which_defence_leaves_least(sweep: Sweep) -> None:
    assert answer(sweep, points(), []) == (
        "Of 2 defences slab+sphere leaves the least of the worst of 2 attacks: "
        f"behind slab+sphere 40 % poison of {NEAREST} brings "
        "the test error to 14.0 ± 1.0 % (5.0 ± 1.0 % without poison), "
        f"and with no defence {RANDOM} brings it to 30.0 ± 1.0 % (5.0 ± 1.0 % without poison). "
        "The next is trim, 25.0 ± 1.0 %. "
        "Where as many points are only deleted it is 10.0 ± 1.0 % behind slab+sphere and 9.0 ± 1.0 % with no defence. "
        "Means and 95 % intervals over 5 replicates; defences and attacks are chosen by these very numbers."
    )


def test_intervals_that_overlap_show_no_difference(sweep: Sweep) -> None:
    said = "; these intervals overlap, so a difference is not shown"
    assert said not in answer(sweep, points(half=7.9), [])
    assert said in answer(sweep, points(half=8.1), [])
    beside = "The next is trim, 25.0 ± {} %, and may be as good: the intervals overlap. "
    assert beside.format(5.4) not in answer(sweep, points(half=5.4), [])
    assert beside.format(5.6) in answer(sweep, points(half=5.6), [])


def test_that_no_defence_helps_is_said(sweep: Sweep) -> None:
    harmful = ERRORS | {NONE: {RANDOM: 11, NEAREST: 12, REMOVAL: 9}}
    assert answer(sweep, points(harmful), []).startswith(
        "None of 2 defences leaves less of the worst of 2 attacks than no defence does: "
        f"with no defence 40 % poison of {NEAREST} brings "
        "the test error to 12.0 ± 1.0 % (5.0 ± 1.0 % without poison), "
        f"and behind slab+sphere {NEAREST} brings it to 14.0 ± 1.0 %"
    )


def test_each_victim_has_a_best_defence_of_its_own(load: Loader) -> None:
    sweep = load(GRID | {"evaluation.victim": {"grid": [{"name": "linear_svm"}, {"name": "knn"}]}})
    other = {TRIM: ERRORS[SLAB], SLAB: ERRORS[TRIM], NONE: ERRORS[NONE]}
    of_svm = {f"{variant},victim=linear_svm": errors for variant, errors in ERRORS.items()}
    of_knn = {f"{variant},victim=knn": errors for variant, errors in other.items()}
    assert {variant.id for variant in sweep.configurations[0].variants} == {*of_svm, *of_knn}
    assert answer(sweep, points(of_svm | of_knn), []) == (
        "Which defence leaves the least of the worst of 2 attacks, by test error with 40 % poison? "
        f"victim=linear_svm: slab+sphere, 14.0 ± 1.0 % ({NEAREST}); without, 30.0 ± 1.0 % ({RANDOM}); "
        f"victim=knn: trim, 14.0 ± 1.0 % ({NEAREST}); without, 30.0 ± 1.0 % ({RANDOM}). "
        "Means and 95 % intervals over 5 replicates; defences and attacks are chosen by these very numbers."
    )


def test_what_has_no_victims_yet_is_left_out(sweep: Sweep) -> None:
    (rows,) = defended(sweep, points({NONE: ERRORS[NONE], TRIM: ERRORS[TRIM]}))
    assert [row.defence for row in rows] == ["none", "trim"]
    assert defended(sweep, points({NONE: ERRORS[NONE]})) == []
    assert defended(sweep, []) == []


def test_one_pipeline_is_no_choice(load: Loader) -> None:
    assert defended(load(GRID | {"evaluation.defence": [{"name": "trim"}]}), points()) == []


def test_attacks_are_ranked_where_nothing_defends(sweep: Sweep) -> None:
    """A defence can do harm of its own, which is no strength of the attack before it."""

    def change(variant: str, configuration: str, damage: float) -> Change:
        rates = {name: Estimate(damage, 0.01, 5, 15) for name in ("test_error", "false_positive_rate")}
        return Change(configuration, variant, 0.4, "none", rates)

    found = [change(NONE, RANDOM, 0.2), change(NONE, NEAREST, 0.1), change(TRIM, NEAREST, 0.4)]
    assert [(one.configuration, one.variant) for one in strongest(sweep, found)] == [(RANDOM, NONE)]
    said = answer(sweep, points(), found)
    assert f" With no defence the strongest of 2 attacks is 40 % poison of {RANDOM} {NONE}. With it" in said
    assert "The detectors reject" not in said, "there are none"
