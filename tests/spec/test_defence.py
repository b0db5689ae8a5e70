"""The pipeline `evaluation.defence`: a list of sections, each with the keys of its name."""

import pickle
from typing import Any

import pytest

from pgan_ray.registry import DEFENCES, DETECTORS
from pgan_ray.spec import SweepRecord, load_record

from .helpers import Loader

KEY = "evaluation.defence"
TWO = [{"name": "slab"}, {"name": "sphere", "percentile": 0.9}]


def listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def test_there_is_none_by_default(load: Loader) -> None:
    evaluation = load({}).configurations[0].settings.evaluation
    assert evaluation.defence == []
    assert evaluation.defence_name is None
    assert [part.name for part in evaluation.components] == ["mlp", "knn_distance"]


def test_each_item_has_the_keys_of_its_name(load: Loader) -> None:
    sweep = load({KEY: [*TWO, {"name": "label_sanitisation", "neighbours": 3}, {"name": "trim"}]})
    evaluation = sweep.configurations[0].settings.evaluation
    assert evaluation.defence_name == "slab+sphere+label_sanitisation+trim"
    assert [one.kept_fraction for one in evaluation.defence] == [0.95, 0.9, 1.0, 0.8]
    assert sweep.document["evaluation"]["defence"][1] == {"name": "sphere", "percentile": 0.9, "tails": "upper"}
    assert pickle.loads(pickle.dumps(sweep)) == sweep


def test_a_grid_of_pipelines_is_named_by_their_stages(load: Loader) -> None:
    sweep = load({KEY: {"grid": [[], TWO, [{"name": "trim", "trimmed": 0.1}], [{"name": "trim"}]]}})
    one, two, three, four = (variant.id for variant in sweep.configurations[0].variants)
    assert (one, two) == ("defence=none", "defence=slab+sphere")
    assert three != four
    assert three.startswith("defence=")
    record = SweepRecord("some-id", sweep)
    assert load_record(record.to_yaml(), "sweep.yaml").sweep == sweep


def test_a_grid_of_other_lists_keeps_its_names(load: Loader) -> None:
    """An empty list of widths is no pipeline."""
    variants = load({"evaluation.victim.widths": {"grid": [[], [8]]}}).configurations[0].variants
    assert [variant.id for variant in variants] == ["widths=4f53cda18c2b", "widths=a8f2ecf6c811"]


@pytest.mark.parametrize(
    ("defence", "lines"),
    [
        ({"name": "slab"}, [f'{KEY}: must be a list, got {{"name": "slab"}}']),
        (["slab"], [f"{KEY}[0]: must be a section with keys of its own, got 'slab'"]),
        ([{}], [f"{KEY}[0].name: must be given"]),
        ([{"name": 3}], [f"{KEY}[0].name: must be text, got 3"]),
        (
            [{"name": "slab"}, {"name": "slab", "percentil": 1}],
            [f"{KEY}[1].percentil: is not a known key; did you mean `percentile`?"],
        ),
        (
            [{"name": "slab", "percentile": 95}],
            [f"{KEY}[0].percentile: must be less than 1, got 95 (a fraction: write 0.95 for 95 per cent)"],
        ),
        (
            [{"name": "sphere", "rounds": 3}],
            [
                f"{KEY}[0].rounds: is not a key of `sphere`: delete it (keys of `sphere`: name, percentile, tails; "
                "this is a key of `trim`)"
            ],
        ),
        (
            {"grid": [[], [{"name": "knn_distance", "neighbours": 99}]]},
            [f"{KEY}.grid[1][0]: `neighbours` must be at most `sample_size` (20), got 99"],
        ),
        (
            [{"name": "trim"}, {"name": "slab"}],
            ["evaluation: `defence` must have `trim`, which trains the victim, as its last item, got `slab` after it"],
        ),
    ],
)
def test_faults_are_told_by_their_place(load: Loader, defence: Any, lines: list[str]) -> None:
    assert [line.partition(" (with ")[0] for line in load.faults({KEY: defence})] == lines


def test_an_unknown_name_says_what_there_is(load: Loader) -> None:
    (line,) = load.faults({KEY: [{"name": "slb"}]})
    assert line.startswith(f"{KEY}[0].name: must be one of {listed(DEFENCES.own_names())}, or an import path ")
    assert set(DETECTORS.own_names()) < set(DEFENCES.own_names())


def test_a_defence_that_asks_a_victim_needs_one(load: Loader) -> None:
    (line,) = load.faults({KEY: [{"name": "trim"}], "evaluation.victim": {"name": "none"}})
    assert line == "evaluation: `victim` must be one that is trained, got `none`: the defence `trim` needs it"


def test_a_sanitiser_is_no_detector(load: Loader) -> None:
    (line,) = load.faults({"evaluation.detector": {"name": "trim"}})
    assert line.startswith("evaluation.detector.name: must be one of ")
