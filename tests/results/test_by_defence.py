"""Which defence leaves the least of the worst that attacks do."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pgan_ray.results import Change, Estimate, answer, by_defence, scores_of, table_of, worst_rows
from pgan_ray.results.ranking import strongest
from pgan_ray.spec import Sweep
from tests.results.rows import row
from tests.spec.helpers import Loader

FLIPS = [{"name": "random_label_flip", "replicates": 5}, {"name": "nearest_label_flip", "replicates": 5}]
GRID: dict[str, Any] = {
    "controls": True,
    "attack": {"grid": FLIPS},
    "evaluation.detector": {"name": "none"},
    "evaluation.runs": 1,
    "evaluation.defence": {"grid": [[], [{"name": "slab"}, {"name": "sphere"}], [{"name": "trim"}]]},
}
RANDOM, NEAREST, REMOVAL = "attack=random_label_flip", "attack=nearest_label_flip", "control=removal"
NONE, SLAB, TRIM = "defence=none", "defence=slab+sphere", "defence=trim"
Errors = Mapping[str, Mapping[str, float]]
# The test error in per cent with 40 % poison: each attack's, and that of the control, behind each pipeline.
ERRORS: Errors = {
    NONE: {RANDOM: 30, NEAREST: 20, REMOVAL: 9},
    SLAB: {RANDOM: 12, NEAREST: 14, REMOVAL: 10},
    TRIM: {RANDOM: 10, NEAREST: 25, REMOVAL: 50},
}
CHOSEN = "differences within pairs with the same split; defences and attacks are chosen by these same numbers."
OVER = f"Means with 95 % intervals over 5 replicates, {CHOSEN}"


@pytest.fixture
def load(tmp_path: Path) -> Loader:
    return Loader(tmp_path)


@pytest.fixture
def sweep(load: Loader) -> Sweep:
    return load(GRID)


def scores(errors: Errors = ERRORS, noise: float = 0.0, replicates: int = 5) -> dict[str, pa.Table]:
    """Of victims that err by 5 % without poison, and as told with the most; a split's luck is the same for all.

    ``noise``: in per cent, what a generator has of its own, another sign behind each pipeline.
    """
    rows: dict[str, list[dict[str, Any]]] = {}
    for index, (variant, by_configuration) in enumerate(errors.items()):
        for configuration, error in by_configuration.items():
            for replicate in range(replicates):
                luck = replicate - (replicates - 1) / 2
                own = noise * luck * (-1) ** index
                for fraction, per_cent in (("0", 5 + luck), ("0.2", 90.0), ("0.4", error + luck + own)):
                    name = f"{configuration}/r{replicate}/f{fraction}/run0"
                    rows.setdefault(configuration, []).append(row(name, variant=variant, test_error=per_cent / 100))
    return {name: scores_of(table_of(found)) for name, found in rows.items()}


def said(sweep: Sweep, *args: Any, **options: Any) -> str:
    return answer(sweep, [], [], by_defence(sweep, scores(*args, **options)))


def test_of_each_defence_the_worst_attack_counts_and_no_control_is_one(sweep: Sweep) -> None:
    (group,) = by_defence(sweep, scores())
    assert [(row.defence, row.is_none, row.attack, row.error.mean) for row in group.rows] == [
        ("none", True, RANDOM, pytest.approx(0.3)),
        ("slab+sphere", False, NEAREST, pytest.approx(0.14)),
        ("trim", False, NEAREST, pytest.approx(0.25)),
    ]
    assert (group.attacks, group.poison_fraction, group.among, group.left_out) == (2, 0.4, "", ())
    assert [row.deleted and row.deleted.mean for row in group.rows] == pytest.approx([0.09, 0.1, 0.5])
    columns, texts = worst_rows(sweep, [group])
    assert columns[1:] == ("worst attack", "test error", "beyond the best", "without poison", "points only deleted")
    assert texts[0] == ("none", f"40 % {RANDOM}", "30.0 ± 2.0", "16.0 ± 0.0", "5.0 ± 2.0", "9.0 ± 2.0")
    assert texts[1] == ("slab+sphere", f"40 % {NEAREST}", "14.0 ± 2.0", "-", "5.0 ± 2.0", "10.0 ± 2.0")


def test_the_answer_says_which_defence_is_best_and_by_how_much(sweep: Sweep) -> None:
    """Intervals of means may overlap where differences within pairs are clear."""
    assert said(sweep) == (
        "The best of 2 defences is slab+sphere, by the mean test error at 40 % poison: behind it, "
        "the worst of 2 attacks, "
        f"{NEAREST}, brings the error to 14.0 ± 2.0 % (5.0 ± 2.0 % without poison). "
        f"Without a defence, the worst, {RANDOM}, brings it to 30.0 ± 2.0 %, 16.0 ± 0.0 points more. "
        f"Behind the next best, trim, the worst, {NEAREST}, brings it to 25.0 ± 2.0 %, 11.0 ± 0.0 points more. "
        "Where as many points are only deleted, it is 10.0 ± 2.0 % behind slab+sphere "
        f"and 9.0 ± 2.0 % without a defence. {OVER}"
    )


def test_a_difference_whose_interval_holds_none_is_not_shown(sweep: Sweep) -> None:
    close = {**ERRORS, TRIM: {RANDOM: 10, NEAREST: 15, REMOVAL: 50}}
    assert "which is not significant" not in said(sweep, close)
    text = said(sweep, close, noise=1.0)
    assert (
        f"Behind the next best, trim, the worst, {NEAREST}, brings it to 15.0 ± 3.9 %, 1.0 ± 3.9 points more, "
        "which is not significant" in text
    )
    assert text.count("which is not significant") == 1, "16 points are one"


def test_that_no_defence_helps_is_said(load: Loader, sweep: Sweep) -> None:
    harmful = {**ERRORS, NONE: {RANDOM: 11, NEAREST: 12, REMOVAL: 9}}
    assert said(sweep, harmful).startswith(
        "None of 2 defences is better than no defence, by the mean test error at 40 % poison: "
        f"without one, the worst of 2 attacks, {NEAREST}, brings the error to 12.0 ± 2.0 % "
        "(5.0 ± 2.0 % without poison). "
        f"Behind the best of them, slab+sphere, the worst, {NEAREST}, brings it to 14.0 ± 2.0 %, "
        "2.0 ± 0.0 points more. "
    )
    alike = {**ERRORS, NONE: ERRORS[SLAB]}
    assert said(sweep, alike).startswith("None of 2 defences is better than no defence")
    one = load(GRID | {"attack": FLIPS[0], "evaluation.defence": {"grid": [[], [{"name": "trim"}]]}})
    assert said(one, {NONE: {"base": 10}, TRIM: {"base": 12}}).startswith(
        "The defence trim is not better than no defence, by the mean test error at 40 % poison: "
        "without one, the attack, base, brings the error to 10.0 ± 2.0 % (5.0 ± 2.0 % without poison). "
        "Behind it, the error is brought to 12.0 ± 2.0 %, 2.0 ± 0.0 points more. "
    )
    assert said(one, {NONE: {"base": 12}, TRIM: {"base": 10}}).startswith(
        "The defence trim is better than none, by the mean test error at"
    )


def test_each_victim_has_a_best_defence_of_its_own(load: Loader) -> None:
    sweep = load(GRID | {"evaluation.victim": {"grid": [{"name": "linear_svm"}, {"name": "knn"}]}})
    other = {TRIM: ERRORS[SLAB], SLAB: ERRORS[TRIM], NONE: {RANDOM: 13, NEAREST: 11, REMOVAL: 9}}
    of_svm = {f"{variant},victim=linear_svm": errors for variant, errors in ERRORS.items()}
    of_knn = {f"{variant},victim=knn": errors for variant, errors in other.items()}
    assert {variant.id for variant in sweep.configurations[0].variants} == {*of_svm, *of_knn}
    assert said(sweep, of_svm | of_knn) == (
        "The best defences, by the mean test error with the worst attack: "
        f"victim=linear_svm: slab+sphere, 14.0 ± 2.0 % (worst: 40 % {NEAREST}; "
        "without a defence 16.0 ± 0.0 points more; "
        "next trim, 11.0 ± 0.0 points more); "
        f"victim=knn: none of them, 13.0 ± 2.0 % (worst: 40 % {RANDOM}; "
        f"best of them trim, 1.0 ± 0.0 points more). {OVER}"
    )


def test_each_grid_of_fractions_is_compared_with_the_most_poison_of_its_own(load: Loader) -> None:
    sweep = load(GRID | {"evaluation.poison_fractions": {"grid": [[0, 0.2], [0, 0.2, 0.4]]}})
    ids = [variant.id for variant in sweep.configurations[0].variants]
    errors = {name: ERRORS[next(part for part in name.split(",") if part in ERRORS)] for name in ids}
    less, more = by_defence(sweep, scores(errors))
    assert (less.poison_fraction, more.poison_fraction) == (0.2, 0.4)
    assert [row.error.mean for row in less.rows] == pytest.approx([0.9] * 3)
    assert [row.error.mean for row in more.rows] == pytest.approx([0.3, 0.14, 0.25])


def test_an_attack_that_a_defence_has_no_scores_of_is_compared_nowhere(sweep: Sweep) -> None:
    """Else a defence that fails before the worst attack would be the best."""
    lacking = {**ERRORS, SLAB: {NEAREST: 14, REMOVAL: 10}}
    (group,) = by_defence(sweep, scores(lacking))
    assert (group.attacks, group.left_out) == (1, (RANDOM,))
    assert [row.attack for row in group.rows] == [NEAREST] * 3
    assert said(sweep, lacking).endswith(f" Not compared, because scores are missing: {RANDOM}.")
    (group,) = by_defence(sweep, scores({NONE: ERRORS[NONE], TRIM: ERRORS[TRIM]}))
    assert ([row.defence for row in group.rows], group.left_out) == (["none", "trim"], ("slab+sphere",))
    some = scores()
    some[NEAREST] = some[NEAREST].slice(1)  # a cell without poison: the others' means are as they were
    assert by_defence(sweep, some)[0].attacks == 2
    table = some[NEAREST].to_pylist()
    some[NEAREST] = pa.Table.from_pylist([cell for cell in table if cell["replicate"]], schema=some[NEAREST].schema)
    assert by_defence(sweep, some)[0].left_out == (NEAREST,)


def test_without_two_pipelines_that_have_scores_nothing_is_said(load: Loader, sweep: Sweep) -> None:
    assert by_defence(sweep, scores({NONE: ERRORS[NONE]})) == []
    assert by_defence(sweep, {}) == []
    assert by_defence(load(GRID | {"evaluation.defence": [{"name": "trim"}]}), scores()) == []
    clean = load(GRID | {"evaluation.poison_fractions": [0]})
    assert by_defence(clean, scores()) == []


def test_one_replicate_has_no_interval_and_so_nothing_that_it_leaves_open(load: Loader) -> None:
    sweep = load(GRID | {"attack": {"grid": [flips | {"replicates": 1} for flips in FLIPS]}})
    text = said(sweep, replicates=1)
    assert "14.0 % (5.0 % without poison). Without a defence, the worst" in text
    assert "significant" not in text
    assert text.endswith(f" One replicate, so no intervals, {CHOSEN}")


def test_pipelines_are_told_apart_by_what_they_are_and_not_by_ids_that_are_cut(load: Loader) -> None:
    axes = {
        f"evaluation.victim.{name}": {"grid": [value, value + 1]}
        for name, value in (("epochs", 10**8), ("batch_size", 10**8), ("optimizer.learning_rate", 0.125))
    }
    trims = {"grid": [[], *([{"name": "trim", "trimmed": share, "rounds": 10**8}] for share in (0.1, 0.2))]}
    sizes = {f"evaluation.{name}_per_class": {"grid": [50, 51]} for name in ("train", "trusted")}
    sweep = load(GRID | axes | sizes | {"evaluation.defence": trims, "evaluation.runs": {"grid": [1, 2]}})
    ids = [variant.id for variant in sweep.configurations[0].variants]
    assert max(map(len, ids)) == 120, "some are cut"
    errors = dict.fromkeys(ids, ERRORS[NONE])
    found = by_defence(sweep, scores(errors))
    assert len(found) == len(ids) / 3
    assert {tuple(row.defence for row in group.rows) for group in found} == {
        ("none", "trim (trimmed=0.1)", "trim (trimmed=0.2)")
    }


def test_attacks_are_ranked_where_nothing_defends(sweep: Sweep) -> None:
    """A defence can do harm of its own, which is no strength of the attack before it."""

    def change(variant: str, configuration: str, damage: float) -> Change:
        rates = {name: Estimate(damage, 0.01, 5, 15) for name in ("test_error", "false_positive_rate")}
        return Change(configuration, variant, 0.4, "none", rates)

    found = [change(NONE, RANDOM, 0.2), change(NONE, NEAREST, 0.1), change(TRIM, NEAREST, 0.4)]
    assert [(one.configuration, one.variant) for one in strongest(sweep, found)] == [(RANDOM, NONE)]


def test_two_defences_that_do_nothing_are_a_legal_grid(load: Loader) -> None:
    nothing = {"grid": [[], [{"name": "none"}], [{"name": "trim"}]]}
    sweep = load(GRID | {"evaluation.defence": nothing})
    ids = [variant.id for variant in sweep.configurations[0].variants]
    (group,) = by_defence(sweep, scores(dict(zip(ids, ERRORS.values(), strict=True))))
    assert len({row.defence for row in group.rows}) == 3
    assert [row.is_none for row in group.rows] == [True, False, False]
