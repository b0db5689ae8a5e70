"""Grids: configurations, variants, their names and their number."""

import re
import time
from typing import Any
from unittest.mock import Mock

import pytest

from pgan_ray.spec import Cell
from pgan_ray.spec.check import size
from pgan_ray.spec.grid import Axis, choice_id
from pgan_ray.spec.limits import Limit

from .helpers import Loader, changed, ids


@pytest.mark.parametrize(
    ("grid", "rule"),
    [
        ([], ": must be a list of at least one value, got []"),
        (0.3, ": must be a list of at least one value, got 0.3"),
        (None, ": must be a list of at least one value, got null"),
        ({"a": 1}, ': must be a list of at least one value, got {"a": 1}'),
        ([0.1, 0.3, 0.1], "[2]: must name each value once, got 0.1"),
        ([1, 1.0], "[1]: must name each value once, got 1.0"),
    ],
)
def test_what_a_grid_must_be(load: Loader, grid: object, rule: str) -> None:
    assert load.faults({"attack.alpha": {"grid": grid}}) == [f"attack.alpha.grid{rule}"]


@pytest.mark.parametrize(
    ("key", "values", "place"),
    [
        ("resources.trial.cpu", [1.0, 2.0], "resources"),
        ("resources", [{}, {"max_failures": 1}], "resources"),
        ("name", ["a", "b"], "name"),
        ("description", ["a", "b"], "description"),
        ("search.method", ["grid"], "search"),
    ],
)
def test_what_cannot_be_a_grid(load: Loader, key: str, values: list[Any], place: str) -> None:
    (line,) = load.faults({key: {"grid": values}})
    assert line.startswith(f"{key}: must not be a grid: a sweep does not compare values of `{place}`, got [")


def test_each_bad_value_of_a_grid_is_told_at_its_index(load: Loader) -> None:
    changes = {
        "attack.alpha": {"grid": [7, 0.1, "x", 0.3]},
        "evaluation.runs": {"grid": [1, 0]},
        "evaluation.poison_fractions": {"grid": [[0, 0.1], [0, 40], []]},
        "attack.generator": {"grid": [{}, {"width": [1]}, 3]},
    }
    assert sorted(load.faults(changes)) == [
        "attack.alpha.grid[0]: must be at most 1, got 7",
        "attack.alpha.grid[2]: must be a number, got 'x'",
        "attack.generator.grid[1].width: is not a known key; did you mean `widths`?",
        "attack.generator.grid[2]: must be a section with keys of its own, got 3",
        "evaluation.poison_fractions.grid[1][1]: must be less than 1, got 40 (a fraction: write 0.4 for 40 per cent)",
        "evaluation.poison_fractions.grid[2]: must have at least 1 item(s), got []",
        "evaluation.runs.grid[1]: must be at least 1, got 0",
    ]


def test_a_value_that_breaks_a_rule_between_fields_is_named(load: Loader) -> None:
    (line,) = load.faults({"evaluation.detector.neighbours": {"grid": [5, 30]}})
    assert line == ("evaluation.detector: `neighbours` must be at most `sample_size` (20), got 30 (with neighbours=30)")


def test_values_that_do_not_go_together_are_named(load: Loader) -> None:
    """Each axis alone is right beside the other's first value."""
    changes = {
        "evaluation.detector.neighbours": {"grid": [5, 8]},
        "evaluation.detector.sample_size": {"grid": [20, 6]},
        "attack.alpha": {"grid": [0.1, 0.3]},
    }
    rule = "evaluation.detector: `neighbours` must be at most `sample_size` (6), got 8"
    assert load.faults(changes) == [f"{rule} (with alpha=0.1,neighbours=8,sample_size=6 and 1 more)"]


def test_configurations_are_all_combinations_in_file_order(load: Loader) -> None:
    sweep = load({"attack.alpha": {"grid": [0.3, 0.1]}, "seed": {"grid": [2, 1]}})
    assert ids(sweep) == ["alpha=0.3,seed=2", "alpha=0.3,seed=1", "alpha=0.1,seed=2", "alpha=0.1,seed=1"]
    assert [(c.settings.attack.alpha, c.settings.seed) for c in sweep.configurations] == [
        (0.3, 2),
        (0.3, 1),
        (0.1, 2),
        (0.1, 1),
    ]


def test_without_a_grid_there_is_one_configuration(load: Loader) -> None:
    sweep = load()
    assert ids(sweep) == ["base"]
    assert [v.id for v in sweep.configurations[0].variants] == [""]
    assert (sweep.generators, sweep.cells) == (2, 18)


def test_a_grid_under_evaluation_multiplies_cells_and_not_trials(load: Loader) -> None:
    sweep = load(
        {
            "attack.alpha": {"grid": [0.1, 0.9]},
            "evaluation.detector.percentile": {"grid": [0.9, 0.95]},
            "evaluation.victim.epochs": {"grid": [10, 20, 30]},
        }
    )
    assert ids(sweep) == ["alpha=0.1", "alpha=0.9"]
    assert sweep.generators == 4
    assert sweep.cells == 4 * 6 * 9
    first = sweep.configurations[0]
    assert [v.id for v in first.variants][:2] == ["percentile=0.9,epochs=10", "percentile=0.9,epochs=20"]
    assert [v.evaluation.victim.epochs for v in first.variants] == [10, 20, 30, 10, 20, 30]
    cells = [cell for r in range(2) for cell in first.cells(r)]
    assert len({cell.id for cell in cells}) == len(cells) == sweep.cells // 2
    assert cells[0].id == "alpha=0.1/r0/percentile=0.9,epochs=10/f0/run0"


def test_a_section_can_be_a_grid(load: Loader) -> None:
    networks = [{"widths": [8]}, {"widths": [16], "batch_norm": True}]
    sweep = load({"attack.generator": {"grid": networks}})
    assert [c.settings.attack.generator.widths for c in sweep.configurations] == [[8], [16]]
    assert all(re.fullmatch("generator=[0-9a-f]{12}", name) for name in ids(sweep))


def test_labels_are_as_short_as_they_can_be(load: Loader) -> None:
    sweep = load(
        {
            "attack.alpha": {"grid": [0.1]},
            "attack.discriminator.optimizer.learning_rate": {"grid": [0.1]},
            "attack.classifier.optimizer.learning_rate": {"grid": [0.2]},
            "attack.batch_size": {"grid": [20]},
            "evaluation.victim.batch_size": {"grid": [30]},
        }
    )
    assert ids(sweep) == [
        "alpha=0.1,discriminator.optimizer.learning_rate=0.1,classifier.optimizer.learning_rate=0.2,attack.batch_size=20"
    ]
    assert sweep.configurations[0].variants[0].id == "victim.batch_size=30"


PATHS = [
    "../x",
    "..",
    "/etc",
    "a/b",
    "a b",
    "a\\b",
    "a,b=c",
    "é",
    "x" * 300,
    "x" * 301,
    "a\nb",
    '"a"',
    "a",
    "1",
    "~",
    "deadbeef0123",
]


def test_names_are_unique_and_safe_as_folders(load: Loader) -> None:
    sweep = load({"dataset.name": None, "dataset.path": {"grid": PATHS}})
    assert len(set(ids(sweep))) == len(PATHS)
    for name in ids(sweep):
        assert re.fullmatch(r"path=[A-Za-z0-9._+-]{1,40}", name)
    # Pinned: a name is where a finished sweep's results are.
    assert ids(sweep)[0] == "path=db8f7bad5c71"
    assert ids(sweep)[12] == "path=a"


def test_lists_have_names(load: Loader) -> None:
    sweep = load({"evaluation.poison_fractions": {"grid": [[0, 0.1], [0, 0.2], [0.1]]}})
    names = [v.id for v in sweep.configurations[0].variants]
    assert len(set(names)) == 3
    assert all(re.fullmatch("poison_fractions=[0-9a-f]{12}", name) for name in names)


def test_a_name_is_the_same_however_a_number_is_written(load: Loader) -> None:
    for text in ("1", "1.0", "1e0", "10.0e-1"):
        assert ids(load(overrides=[f"attack.alpha={{grid: [{text}]}}"])) == ["alpha=1"]


def test_a_long_name_is_cut_and_stays_unique() -> None:
    axes = [Axis(("a",), (1, 2), f"some.rather.long.label.number{i}") for i in range(12)]
    first, second = choice_id(axes, [1] * 12), choice_id(axes, [1] * 11 + [2])
    assert len(first) == len(second) == 120
    assert first != second
    assert first[:107] == second[:107]


def test_cells_that_differ_in_the_last_digit_have_names_of_their_own() -> None:
    fractions = [0.1, 0.1000001, 0.10000000000000002, 0.0, 1e-5, 0.4]
    names = [Cell("base", 0, "", fraction, 3).id for fraction in fractions]
    assert names == [
        "base/r0/f0.1/run3",
        "base/r0/f0.1000001/run3",
        "base/r0/f0.10000000000000002/run3",
        "base/r0/f0/run3",
        "base/r0/f1e-05/run3",
        "base/r0/f0.4/run3",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"attack.alpha": {"grid": [0.1, 0.3]}, "attack.replicates": {"grid": [1, 5, 7]}},
        {"evaluation.runs": {"grid": [1, 2]}, "evaluation.poison_fractions": {"grid": [[0], [0, 0.1, 0.2]]}},
        {
            "evaluation": {"grid": [{"poison_fractions": [0], "runs": 2}, {"poison_fractions": [0, 0.1], "runs": 5}]},
            "attack.replicates": {"grid": [3, 4]},
            "seed": {"grid": [0, 1, 2]},
        },
        {
            "attack": {
                "grid": [{"alpha": a, "lambda_prior": 1, "epochs": 1, "replicates": r} for a, r in ((0, 1), (1, 2))]
            },
            "evaluation.victim.epochs": {"grid": [1, 2]},
        },
    ],
)
def test_the_size_is_known_before_anything_is_built(load: Loader, changes: dict[str, Any]) -> None:
    sweep = load(changes)
    assert size(changed(changes)) == (len(sweep.configurations), sweep.cells)
    counted = sum(1 for c in sweep.configurations for r in range(c.settings.attack.replicates) for _ in c.cells(r))
    assert counted == sweep.cells


HUNDRED = {"grid": [i / 200 for i in range(1, 101)]}


def test_a_huge_grid_is_refused_at_once(load: Loader) -> None:
    start = time.monotonic()
    keys = ("alpha", "lambda_prior", "label_smoothing", "average_decay", "generator.dropout", "classifier.dropout")
    assert load.faults({f"attack.{key}": HUNDRED for key in keys}) == [
        " a sweep must have at most 100,000 configurations, got 1,000,000,000,000",
        " a sweep must have at most 200,000 evaluation variants, got 1,000,000,000,000",
        " a sweep must have at most 100,000,000 cells, got 18,000,000,000,000",
    ]
    assert time.monotonic() - start < 5


def test_huge_variants_are_refused_at_once(load: Loader) -> None:
    start = time.monotonic()
    keys = ("detector.percentile", "victim.dropout", "victim.negative_slope", "victim.optimizer.learning_rate")
    assert load.faults({f"evaluation.{key}": HUNDRED for key in keys}) == [
        " a sweep must have at most 200,000 evaluation variants, got 100,000,000",
        " a sweep must have at most 100,000,000 cells, got 1,800,000,000",
    ]
    assert time.monotonic() - start < 5


def test_variants_are_counted_before_they_are_made(load: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    few = {"attack.replicates": 1, "evaluation.runs": 1, "evaluation.poison_fractions": [0.1]}
    grids = {"detector.percentile": HUNDRED, "victim.dropout": HUNDRED, "detector.neighbours": {"grid": [3, 4, 5]}}
    grids |= {"placement": {"grid": ["replace", "add"]}}
    many = few | {f"evaluation.{key}": values for key, values in grids.items()}
    assert load.faults(many) == [
        " a sweep must have at most 20,000 evaluation variants unless --yes-really-large is given, got 60,000"
    ]
    expand = Mock(side_effect=AssertionError("it must not be expanded"))
    monkeypatch.setattr("pgan_ray.spec.load.expand", expand)
    with pytest.raises(AssertionError, match="must not be expanded"):
        load(many, really_large=True)
    more = many | {"evaluation.trusted_per_class": {"grid": [100, 200, 300, 400, 500]}}
    assert load.faults(more, really_large=True) == [
        " a sweep must have at most 200,000 evaluation variants, got 300,000"
    ]


def test_counts_of_one_number_are_bounded_with_the_flag_too(load: Loader) -> None:
    for key in ("attack.replicates", "evaluation.runs"):
        (line,) = load.faults({key: 10**9}, really_large=True)
        assert line.startswith(" a sweep must have at most 100,000,000 cells, got ")
    (line,) = load.faults({"evaluation.poison_fractions": [i / 10**6 for i in range(20_000)]}, really_large=True)
    assert line == "evaluation.poison_fractions: must have at most 1,000 items, got 20,000"


def test_the_limits_are_exact(load: Loader) -> None:
    one = {"attack.replicates": 1, "evaluation.poison_fractions": [0.1]}
    most = one | {"evaluation.runs": 100_000, "attack.alpha": HUNDRED}
    assert load(most).cells == 10_000_000
    assert load.faults(most | {"evaluation.runs": 100_001})[0].endswith("got 10,000,100")
    assert load(most | {"evaluation.runs": 100_001}, really_large=True).cells == 10_000_100


def test_over_ten_thousand_configurations_if_really_wanted(load: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    alphas = {"attack.alpha": HUNDRED}
    assert load.faults(alphas | {"attack.lambda_prior": {"grid": [i / 101 for i in range(101)]}})[0].endswith("10,100")
    monkeypatch.setattr("pgan_ray.spec.limits.CONFIGURATIONS", Limit("configurations", 99, 100))
    assert load.faults(alphas)[0].endswith("got 100")
    assert len(set(ids(load(alphas, really_large=True)))) == 100
