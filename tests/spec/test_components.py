"""Components: each has keys of its own, and grids over names and keys make no copies."""

import itertools
from collections.abc import Iterable
from typing import Any

import pytest

from pgan_ray.registry import ATTACKS, DETECTORS, VICTIMS, Registry
from pgan_ray.spec import SweepRecord, load_record

from .helpers import BODY, Loader, ids

NAMES = ["pgan", "nearest_label_flip", "random_label_flip", "none"]


def listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def variants(load: Loader, changes: dict[str, Any]) -> list[str]:
    """The ids of the variants of the one configuration."""
    (configuration,) = load(changes).configurations
    return [variant.id for variant in configuration.variants]


def test_a_grid_of_attacks_and_alphas_has_each_baseline_once(load: Loader) -> None:
    grids = {"name": {"grid": NAMES}, "alpha": {"grid": [0.1, 0.5, 0.9]}}
    attack = grids | {"lambda_prior": 0.9, "iterations": 10, "replicates": 2}
    sweep = load(repr({**BODY, "attack": attack}))  # in this order
    pgan = ["attack=pgan,alpha=0.1", "attack=pgan,alpha=0.5", "attack=pgan,alpha=0.9"]
    baselines = ["attack=nearest_label_flip", "attack=random_label_flip", "attack=none"]
    assert ids(sweep) == [*pgan, *baselines]
    # Whatever the order of the axes.
    assert sorted(ids(load({"attack.name": {"grid": NAMES}, "attack.alpha": grids["alpha"]}))) == sorted(
        ",".join(reversed(name.split(","))) for name in ids(sweep)
    )
    assert sweep.generators == 3 * 2  # a baseline has none
    assert sweep.cells == 6 * 2 * 9
    for configuration in sweep.configurations:
        cells = [cell.id for replicate in range(2) for cell in configuration.cells(replicate)]
        assert all(cell.startswith(f"{configuration.id}/r") for cell in cells)


@pytest.mark.parametrize("name", NAMES[1:])
def test_a_baseline_reads_no_other_field_of_the_attack(load: Loader, name: str) -> None:
    grids = {
        "attack.alpha": {"grid": [0.1, 0.9]},
        "attack.generator.widths": {"grid": [[8], [16]]},
        "attack.classifier.optimizer.learning_rate": {"grid": [0.1, 0.2]},
    }
    names = {"attack.name": {"grid": [name, "pgan"]}}
    sweep = load(names | grids)
    assert len(sweep.configurations) == 1 + 2 * 2 * 2
    assert ids(sweep)[0] == f"attack={name}"
    read = load(names | {"attack.replicates": {"grid": [2, 3]}, "seed": {"grid": [1, 2]}} | grids)
    assert len(read.configurations) == 4 * (1 + 8)
    # In a profile or by `--set`, the name alone will do: the body's keys were another attack's.
    alone = load(grids, overrides=[f"attack.name={name}"])
    assert ids(alone) == ["base"]
    assert (alone.generators, alone.cells) == (0, 18)
    assert set(alone.document["attack"]) == set(ATTACKS.config(name).model_fields)


def test_a_baseline_needs_neither_alpha_nor_iterations(load: Loader) -> None:
    sweep = load({"attack": {"grid": [{"name": "none", "replicates": 3}, {"name": "random_label_flip"}]}})
    assert [c.settings.attack.name for c in sweep.configurations] == ["none", "random_label_flip"]
    assert sweep.cells == (3 + 5) * 9
    attack = {"name": {"grid": ["none", "pgan"]}, "lambda_prior": 0.9, "iterations": 10}
    assert load.faults(repr({**BODY, "attack": attack})) == ["attack.alpha: must be given (with attack=pgan)"]
    # What the first of the names does not read must be right all the same.
    assert load.faults(repr({**BODY, "attack": attack | {"alpha": {"grid": [0.1, 7]}}})) == [
        "attack.alpha.grid[1]: must be at most 1, got 7"
    ]


def test_a_baseline_needs_no_stored_poison(load: Loader) -> None:
    assert load.faults({"evaluation.poison_set_size": 39})[0].startswith("(top level): `evaluation.poison_set_size`")
    assert load({"attack.name": "random_label_flip", "evaluation.poison_set_size": 39}).cells == 18


def test_no_detector_has_one_percentile(load: Loader) -> None:
    grid = {
        "evaluation.detector.name": {"grid": ["knn_distance", "none", "sphere"]},
        "evaluation.detector.percentile": {"grid": [0.9, 0.95]},
    }
    assert variants(load, grid) == [
        "detector=knn_distance,percentile=0.9",
        "detector=knn_distance,percentile=0.95",
        "detector=none",
        "detector=sphere,percentile=0.9",
        "detector=sphere,percentile=0.95",
    ]
    assert load(grid).cells == 5 * 18


def test_neighbours_are_knn_distances(load: Loader) -> None:
    grid = {
        "evaluation.detector.name": {"grid": ["knn_distance", "isolation_forest"]},
        "evaluation.detector.neighbours": {"grid": [3, 5]},
        "evaluation.detector.sample_size": {"grid": [10, 20]},
    }
    found = variants(load, grid)
    assert len(found) == 5
    assert found[-1] == "detector=isolation_forest"


def test_victims_read_what_they_are_trained_with(load: Loader) -> None:
    grid = {
        "evaluation.victim.name": {"grid": ["mlp", "logistic", "random_forest", "none"]},
        "evaluation.victim.widths": {"grid": [[8], [16]]},
        "evaluation.victim.epochs": {"grid": [10, 20]},
    }
    found = variants(load, grid)
    assert [name for name in found if "mlp" not in name] == [
        "victim=logistic,epochs=10",
        "victim=logistic,epochs=20",
        "victim=random_forest",
        "victim=none",
    ]
    assert len(found) == len(set(found)) == 4 + 2 + 1 + 1


@pytest.mark.parametrize("network", ["attack.generator", "attack.classifier", "evaluation.victim"])
def test_each_optimizer_has_numbers_of_its_own(load: Loader, network: str) -> None:
    momentum = {f"{network}.optimizer.momentum": {"grid": [0.5, 0.9]}}
    betas = {f"{network}.optimizer.betas": {"grid": [[0.5, 0.9], [0.9, 0.999]]}}
    cells = load().cells
    for name, own, other in (("sgd", momentum, betas), ("adam", betas, momentum)):
        beside = {f"{network}.optimizer": {"name": name, "learning_rate": 0.1}}
        assert load(beside | own).cells == 2 * cells
        ((key, _),) = other.items()
        (line,) = load.faults(beside | other)
        key = key.rpartition(".")[2]
        assert line.startswith(f"{network}.optimizer.{key}: is not a key of `{name}`: delete it (keys of `{name}`: ")
    both = load(
        {f"{network}.optimizer.name": {"grid": ["sgd", "adam"]}, f"{network}.optimizer.learning_rate": 1} | momentum
    )
    assert both.cells == 3 * cells


def test_the_average_has_a_decay_where_poison_is_sampled_from_it(load: Loader) -> None:
    grid = {"attack.average_decay": {"grid": [0.9, 0.99]}}
    assert ids(load({"attack.sample_from": "last"} | grid)) == ["base"]
    assert len(load({"attack.sample_from": "average"} | grid).configurations) == 2


def test_names_of_attack_victim_and_detector_are_told_apart(load: Loader) -> None:
    sweep = load(
        {
            "attack.name": {"grid": ["pgan", "none"]},
            "attack.alpha": {"grid": [0.1, 0.9]},
            "evaluation.victim.name": {"grid": ["mlp", "knn"]},
            "evaluation.detector.name": {"grid": ["knn_distance", "none"]},
            "evaluation.placement": {"grid": ["replace", "add"]},
        }
    )
    assert ids(sweep) == ["alpha=0.1,attack=pgan", "attack=none", "alpha=0.9,attack=pgan"]
    every = [[variant.id for variant in configuration.variants] for configuration in sweep.configurations]
    assert every[0] == every[1] == every[2]
    assert every[0][0] == "victim=mlp,detector=knn_distance,placement=replace"
    assert len(set(every[0])) == 8
    cells = [cell.id for c in sweep.configurations for r in range(2) for cell in c.cells(r)]
    assert len(set(cells)) == len(cells) == sweep.cells == 3 * 8 * 18


def test_each_kept_choice_is_what_its_name_says(load: Loader) -> None:
    sweep = load({"attack.name": {"grid": NAMES}, "attack.alpha": {"grid": [0.1, 0.5]}})
    for configuration in sweep.configurations:
        attack = configuration.settings.attack
        assert f"attack={attack.name}" in configuration.id.split(",")
        assert not attack.is_trained or f"alpha={attack.alpha}" in configuration.id.split(",")


@pytest.mark.parametrize(
    "changes",
    [
        {"attack.name": {"grid": NAMES}, "attack.alpha": {"grid": [0.1, 0.5]}},
        {"attack.lambda_prior": {"grid": [0.5, 0.9]}, "attack.alpha": {"grid": [0.1, 0.5]}, "seed": {"grid": [1, 0]}},
        {"attack": {"name": "random_label_flip", "replicates": 2}},
        {
            "evaluation.detector.name": {"grid": ["none", "sphere"]},
            "evaluation.detector.percentile": {"grid": [0.9, 0.95]},
            "evaluation.victim.name": {"grid": ["mlp", "none"]},
            "evaluation.victim.widths": {"grid": [[8], [16]]},
        },
        {"task.classes": [3, 5, 8], "task.surrogate_classes": [5, 3], "evaluation.poison_fractions": [0.2]},
        {"evaluation.placement": "add", "evaluation.poison_fractions": [0.9]},
    ],
)
def test_a_record_is_read_back_with_the_same_names_in_the_same_order(load: Loader, changes: dict[str, Any]) -> None:
    """The axes of these stand in another order than the schema's fields."""
    record = SweepRecord("id", load(changes), {})
    assert load_record(record.to_yaml(), "sweep.yaml") == record


def test_poison_that_is_added_may_be_more_than_a_class(load: Loader) -> None:
    line = load.faults({"evaluation.poison_fractions": [0.9]})[0]
    assert "(`placement: add` has no such limit)" in line
    assert load({"evaluation.poison_fractions": [0.9], "evaluation.placement": "add"}).cells == 6
    # The stored poison must reach all the same.
    (line,) = load.faults(
        {"evaluation.poison_fractions": [0.9], "evaluation.placement": "add", "evaluation.poison_set_size": 89}
    )
    assert line.startswith("(top level): `evaluation.poison_set_size` must be at least 90")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"surrogate_classes": [3, 5, 5]},
            "task: `surrogate_classes` must name each label once, got 5 again at surrogate_classes[2]",
        ),
        ({"surrogate_classes": [3, 8]}, "task: `poison_class` must be one of `surrogate_classes` [3, 8], got 5"),
        ({"surrogate_classes": [5, 8]}, "task: `source_class` must be one of `surrogate_classes` [5, 8], got 3"),
        (
            {"surrogate_classes": [3, 5, 9, 7]},
            "task: `surrogate_classes` must be among `classes` [3, 5, 8], got [7, 9]",
        ),
        ({"surrogate_classes": [5]}, "task.surrogate_classes: must have at least 2 item(s), got [5]"),
        ({"surrogate_classes": ["3", 5]}, "task.surrogate_classes[0]: must be a whole number, got '3'"),
    ],
)
def test_what_surrogate_classes_must_be(load: Loader, changes: dict[str, Any], line: str) -> None:
    task = {"classes": [3, 5, 8], "poison_class": 5, "source_class": 3}
    assert load.faults({"task": task | changes, "evaluation.poison_fractions": [0.2]}) == [line]


def test_the_surrogate_task(load: Loader) -> None:
    given = load({"task.classes": [3, 5, 8], "task.surrogate_classes": [5, 3], "evaluation.poison_fractions": [0.2]})
    task = given.configurations[0].settings.task
    assert (task.classes, task.surrogate.classes) == ([3, 5, 8], [5, 3])
    assert (task.surrogate.poison_class, task.surrogate.source_class) == (5, 3)
    assert task.surrogate.surrogate_classes is None
    alone = load().configurations[0].settings.task
    assert alone.surrogate == alone  # so that nothing is selected twice


def test_what_means_something(load: Loader) -> None:
    settings = load({"attack.replicates": 2}, overrides=["attack.name=none", "evaluation.victim.name=none"])
    read = settings.configurations[0].settings.reads
    assert not read(("attack", "generator", "widths"))
    assert read(("attack",))
    assert read(("attack", "name"))
    assert read(("evaluation", "victim"))
    assert not read(("evaluation", "victim", "optimizer", "name"))
    assert read(("evaluation", "detector", "neighbours"))
    assert read(("seed",))
    assert not read(("evaluation", "poison_set_size"))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"evaluation.victim": {"name": "knn", "widths": [8]}},
            "evaluation.victim.widths: is not a key of `knn`: delete it (keys of `knn`: name; this is a key of `mlp`)",
        ),
        (
            {"evaluation.detector": {"name": "sphere", "neighbours": 5}},
            "evaluation.detector.neighbours: is not a key of `sphere`: delete it (keys of `sphere`: name, percentile, "
            "tails; this is a key of `knn_distance`)",
        ),
        (
            {"evaluation.detector": {"name": "none", "percentile": 0.9}},
            "evaluation.detector.percentile: is not a key of `none`: delete it (keys of `none`: name; "
            f"this is a key of {listed(name for name in DETECTORS.own_names() if name != 'none')})",
        ),
        ({"evaluation.victim": 3}, "evaluation.victim: must be a section with keys of its own, got 3"),
        ({"evaluation.victim.name": 3}, "evaluation.victim.name: must be text, got 3"),
        ({"attack.name": None}, "attack.name: must be text, got null"),
    ],
)
def test_only_a_components_own_keys_are_accepted(load: Loader, changes: dict[str, Any], line: str) -> None:
    assert load.faults(changes) == [line]


def test_beside_a_grid_of_names_a_key_must_be_of_one_of_them(load: Loader) -> None:
    names = {"evaluation.victim.name": {"grid": ["logistic", "knn"]}}
    assert load(names | {"evaluation.victim.epochs": 3}).cells == 2 * 18
    (line,) = load.faults(names | {"evaluation.victim.widths": [8]})
    assert line.startswith("evaluation.victim.widths: is not a key of `logistic`: delete it")


def test_an_unknown_name_says_what_there_is(load: Loader) -> None:
    (line,) = load.faults({"evaluation.detector.name": "shpere"})
    assert line == (
        f"evaluation.detector.name: must be one of {listed(DETECTORS.own_names())}, or an import path "
        "`package.module:Class`, got 'shpere'; did you mean `sphere`?"
    )
    (line,) = load.faults({"attack.name": {"grid": ["pgan", "interface"]}})
    assert line.startswith(f"attack.name.grid[1]: must be one of {listed(ATTACKS.own_names())}, or")


def test_sections_of_a_grid_go_by_their_names(load: Loader) -> None:
    pgan = {"name": "pgan", "lambda_prior": 0.9, "iterations": 10}
    sections = [pgan | {"alpha": 0.1}, pgan | {"alpha": 0.2}, {"name": "none"}]
    found = ids(load({"attack": {"grid": sections}}))
    assert found[2] == "attack=none"
    assert len(set(found)) == 3
    assert ids(load({"attack": {"grid": sections[1:]}})) == ["attack=pgan", "attack=none"]


def test_each_name_takes_the_others_defaults_where_they_are_the_same(load: Loader) -> None:
    sweep = load({"evaluation.victim.name": {"grid": ["knn", "logistic", "mlp"]}})
    victims = [variant.evaluation.victim for variant in sweep.configurations[0].variants]
    assert [victim.name for victim in victims] == ["knn", "logistic", "mlp"]
    assert sweep.document["evaluation"]["victim"]["epochs"] == 2000
    assert sweep.document["evaluation"]["victim"]["widths"] == [1024, 512]
    assert load_record(SweepRecord("id", sweep).to_yaml(), "sweep.yaml").sweep == sweep


@pytest.mark.parametrize(
    ("registry", "section"),
    [(ATTACKS, "attack"), (VICTIMS, "evaluation.victim"), (DETECTORS, "evaluation.detector")],
)
def test_the_record_of_any_names_together_is_read_back(load: Loader, registry: Registry, section: str) -> None:
    names = registry.own_names()
    grids = [*itertools.permutations(names, 2), tuple(names), tuple(reversed(names))]
    for grid in grids:
        sweep = load({f"{section}.name": {"grid": [*grid]}})
        assert load_record(SweepRecord("id", sweep).to_yaml(), "sweep.yaml").sweep == sweep


def test_what_is_written_of_a_section_with_another_name_for_each_is_kept(load: Loader) -> None:
    """The optimisers of `cnn` and `mlp` are not the same ones; the step size is written for both."""
    sweep = load(
        {
            "evaluation.victim": {"name": {"grid": ["cnn", "mlp"]}, "optimizer": {"learning_rate": 0.02}},
        }
    )
    assert sweep.document["evaluation"]["victim"]["optimizer"] == {"learning_rate": 0.02}
    cnn, mlp = (variant.evaluation.victim.optimizer for variant in sweep.configurations[0].variants)
    assert (cnn.name, mlp.name) == ("adam", "sgd")
    assert load_record(SweepRecord("id", sweep).to_yaml(), "sweep.yaml").sweep == sweep


def test_a_default_in_which_two_of_three_names_differ_is_each_ones_own(load: Loader) -> None:
    """Whichever two: the third must not bring it back."""
    for names in itertools.permutations(["mlp", "cnn", "logistic"]):
        sweep = load({"evaluation.victim.name": {"grid": [*names]}})
        assert "epochs" not in sweep.document["evaluation"]["victim"]
