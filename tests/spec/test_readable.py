"""What people read in the place of an id's digests, which stay where they are."""

import re
from typing import Any

import pytest

from pgan_ray.spec.readable import value_names

from .helpers import Loader, ids

TASK = {"classes": [3, 5], "poison_class": 5, "source_class": 3}
TASKS = [TASK, {"classes": [4, 9], "poison_class": 9, "source_class": 4}]
DIGEST = re.compile(r"[0-9a-f]{12}")


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (TASKS, ["3 as 5", "4 as 9"]),
        ([TASK, {**TASK, "classes": [3, 5, 7]}], ["3 as 5 (classes=[3, 5])", "3 as 5 (classes=[3, 5, 7])"]),
        ([[1024, 512], [], None], ["[1024, 512]", "none", "null"]),
        ([{"name": "mlp"}, {"name": "mlp", "widths": [16]}, {"name": "my_lab:Wide"}],
         ["mlp", "mlp (widths=[16])", "my_lab:Wide"]),
        ([{"name": "a", "optimizer": {"name": "sgd"}}, {"name": "a", "optimizer": {"name": "adam"}}],
         ["a (optimizer=sgd)", "a (optimizer=adam)"]),
        ([{"widths": [1]}, {"widths": [2]}], ["(widths=[1])", "(widths=[2])"]),
        ([[{"name": "slab", "percentile": 0.9}], [{"name": "slab", "percentile": 0.95}]],
         ["slab (percentile=0.9)", "slab (percentile=0.95)"]),
        ([{"name": "a", "text": "x" * 80}, {"name": "a", "text": "y" * 80}], ["a (1)", "a (2)"]),
        (["one/a b.npz", "two/a b.npz", "c d.npz"], ["a b.npz (1)", "a b.npz (2)", "c d.npz"]),
        (["line\nbreak", "other line"], ["line\\nbreak", "other line"]),
    ],
)  # fmt: skip
def test_values_are_called_by_what_tells_them_apart(values: list[Any], names: list[str]) -> None:
    assert value_names(values) == names


@pytest.mark.parametrize(
    "uri", ["https://me:hunter2@host/a.npz", "s3://key:hunter2@bucket", "https://host/a.npz?token=hunter2"]
)
def test_no_name_has_the_password_of_a_uri(uri: str) -> None:
    for value in (uri, [uri], {"name": "file", "path": uri}, {"name": uri}, {"source_class": uri, "poison_class": 1}):
        for names in (value_names([value, "other"]), value_names([value, {"name": "file", "path": "b"}])):
            assert "hunter2" not in " ".join(names)


def test_a_configuration_is_called_by_its_values_and_keeps_its_id(load: Loader) -> None:
    sweep = load({"task": {"grid": TASKS}, "controls": True, "evaluation.victim.widths": {"grid": [[8], [16, 16]]}})
    assert all(DIGEST.search(id_) for id_ in ids(sweep))
    first = sweep.configurations[0]
    assert [sweep.called(id_) for id_ in ids(sweep)] == [
        "task=3 as 5", "task=4 as 9", "task=3 as 5,control=removal", "task=4 as 9,control=removal"
    ]  # fmt: skip
    assert [sweep.called(first.id, one.id) for one in first.variants] == [
        "task=3 as 5 widths=[8]", "task=3 as 5 widths=[16, 16]"
    ]  # fmt: skip
    cell = next(first.cells(0))
    assert sweep.in_words(f"lost: {cell.id}") == "lost: task=3 as 5/r0/widths=[8]/f0/run0"


def test_names_that_are_plain_are_the_ids(load: Loader) -> None:
    sweep = load(
        {"attack.alpha": {"grid": [0.1, 0.9]}, "evaluation.victim": {"grid": [{"name": "mlp"}, {"name": "logistic"}]}}
    )
    assert [sweep.called(id_) for id_ in ids(sweep)] == ids(sweep)
    assert sweep.called("alpha=0.1", "victim=mlp") == "alpha=0.1 victim=mlp"


def test_a_component_by_its_import_path_is_called_so(load: Loader) -> None:
    victims = [{"name": "mlp"}, {"name": "sklearn.tree:DecisionTreeClassifier", "max_depth": 8}]
    for changes in ({"evaluation.victim": {"grid": victims}},
                    {"evaluation.victim.name": {"grid": [one["name"] for one in victims]}}):  # fmt: skip
        sweep = load(changes)
        _, second = (one.id for one in sweep.configurations[0].variants)
        assert DIGEST.search(second)
        assert sweep.in_words(second) == "victim=sklearn.tree:DecisionTreeClassifier"


def test_faults_name_values_of_grids_in_words(load: Loader) -> None:
    sizes = {
        "evaluation.detector.neighbours": {"grid": [5, 8]},
        "evaluation.detector.sample_size": {"grid": [20, 6]},
    }
    (line,) = load.faults({"task": {"grid": TASKS}, **sizes})
    assert line.endswith("(with task=3 as 5,neighbours=8,sample_size=6 and 1 more)")
