"""Faults of values: place, rule and value, all at once."""

from typing import Any

import pytest

from pgan_ray.registry import ATTACKS
from pgan_ray.spec.limits import number_faults

from .helpers import BODY, Loader

EVERY_ATTACK = ", ".join(f"`{name}`" for name in ATTACKS.own_names())
UNKNOWN_DATASET = (
    "must be one of `digits`, `fashion-mnist`, `file`, `gaussians`, `mnist`, `mnist-5k`, or an import path "
    "`package.module:Class`, got 'mnits'; did you mean `mnist`?"
)


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("sede", "sede: is not a known key; did you mean `seed`?"),
        ("profile", "profile: is not a known key; did you mean `profiles`?"),
        ("task.poison_clas", "task.poison_clas: is not a known key; did you mean `poison_class`?"),
        ("attack.alpah", "attack.alpah: is not a known key; did you mean `alpha`?"),
        (
            "attack.generator.noise_feature",
            "attack.generator.noise_feature: is not a known key; did you mean `noise_features`?",
        ),
        (
            "attack.generator.optimizer.lerning_rate",
            "attack.generator.optimizer.lerning_rate: is not a known key; did you mean `learning_rate`?",
        ),
        ("evaluation.victim.epoch", "evaluation.victim.epoch: is not a known key; did you mean `epochs`?"),
        (
            "evaluation.detector.xyz",
            "evaluation.detector.xyz: is not a known key; known keys here: name, percentile, tails, neighbours, "
            "sample_size",
        ),
        ("resources.trial.gpus", "resources.trial.gpus: is not a known key; did you mean `gpu`?"),
        ("search.methods", "search.methods: is not a known key; did you mean `method`?"),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest_valid_name(load: Loader, key: str, line: str) -> None:
    assert load.faults({key: 1}) == [line]
    if "." in key:
        # The same, from a profile and from the command line.
        in_profile = {"profiles.other": {}, f"profiles.other.{key}": 1}
        assert load.faults(in_profile) == [f"profiles.other.{line}"]
    assert load.faults(overrides=[f"{key}=1"]) == [f"--set {line}"]


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("alpha", "did you mean `attack.alpha`?"),
        ("attack.classes", "did you mean `task.classes`?"),
        ("epochs", "did you mean `attack.epochs` or `evaluation.victim.epochs`?"),
        ("cpu", "did you mean `resources.trial.cpu` or `resources.evaluator.cpu`?"),
    ],
)
def test_a_key_of_another_section_is_told_with_its_path(load: Loader, key: str, line: str) -> None:
    assert load.faults(overrides=[f"{key}=1"]) == [f"--set {key}: is not a known key; {line}"]


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("attack.alpha", -0.1, "must be at least 0, got -0.1"),
        ("attack.alpha", 1.5, "must be at most 1, got 1.5"),
        ("attack.alpha", 101, "must be at most 1, got 101"),
        ("attack.alpha", "0.1", "must be a number, got '0.1'"),
        ("attack.alpha", True, "must be a number, got true"),
        ("attack.alpha", [None], "must be a number, got [null] (a grid is written {grid: [a, b]})"),
        ("seed", None, "must be a whole number, got null"),
        ("attack.lambda_prior", -0.5, "must be at least 0, got -0.5"),
        (
            "attack.name",
            "gan",
            f"must be one of {EVERY_ATTACK}, or an import path `package.module:Class`, got 'gan'; did you mean `pgan`?",
        ),
        ("attack.generator.optimizer.name", "rmsprop", "must be `sgd` or `adam`, got 'rmsprop'"),
        ("evaluation.placement", "append", "must be 'replace' or 'add', got 'append'"),
        ("task.surrogate_classes", [5], "must have at least 2 item(s), got [5]"),
        ("attack.alpha", float("nan"), "must be a finite number, got nan"),
        ("attack.alpha", float("inf"), "must be a finite number, got inf"),
        ("attack.alpha", [0.1, 0.3], "must be a number, got [0.1, 0.3] (a grid is written {grid: [a, b]})"),
        ("attack.alpha", {"gird": [1]}, 'must be a number, got {"gird": [1]} (a grid is written {grid: [a, b]})'),
        ("attack.batch_size", 1, "must be at least 2, got 1"),
        ("attack.batch_size", 20.0, "must be a whole number, got 20.0"),
        ("attack.batch_size", 20.5, "must be a whole number, got 20.5"),
        ("attack.batch_size", True, "must be a whole number, got true"),
        ("attack.batch_size", "20", "must be a whole number, got '20'"),
        ("attack.label_smoothing", 1, "must be less than 1, got 1"),
        ("attack.generator_loss", "eq3", "must be 'algorithm1' or 'objective3', got 'eq3'"),
        ("attack.generator", [1], "must be a section with keys of its own, got [1]"),
        ("attack.generator.batch_norm", "yes", "must be true or false, got 'yes'"),
        ("attack.generator.batch_norm", 1, "must be true or false, got 1"),
        ("attack.generator.widths", 64, "must be a list, got 64"),
        ("attack.generator.optimizer.learning_rate", 0, "must be greater than 0, got 0"),
        ("attack.generator.optimizer.betas", [0.9], "[1]: must be given"),
        ("attack.generator.optimizer.betas", [0.9, 1], "[1]: must be less than 1, got 1"),
        ("attack.generator.optimizer.betas", [0.5, 0.5, 0.5], "must have at most 2 item(s), got [0.5, 0.5, 0.5]"),
        ("task.classes", [3], "must have at least 2 item(s), got [3]"),
        ("task.classes", ["3", "5"], "[0]: must be a whole number, got '3'"),
        ("dataset.name", "mnits", UNKNOWN_DATASET),
        ("name", "a/b", "must match ^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$, got 'a/b'"),
        ("name", 3, "must be text, got 3"),
        ("seed", -1, "must be at least 0, got -1"),
        ("evaluation.poison_fractions", [], "must have at least 1 item(s), got []"),
        (
            "evaluation.poison_fractions",
            [0, 40],
            "[1]: must be less than 1, got 40 (a fraction: write 0.4 for 40 per cent)",
        ),
        (
            "evaluation.detector.percentile",
            95,
            "must be less than 1, got 95 (a fraction: write 0.95 for 95 per cent)",
        ),
        ("resources.trial.gpu", 25, "must be at most 1, got 25 (the share of one GPU that an actor has)"),
        ("resources.trial.cpu", 0.00005, "must be at least 0.1, got 5e-05"),
        ("resources.trial.cpu", 1e300, "must be at most 10000, got 1e+300"),
        ("attack.classifier.dropout", 5, "must be less than 1, got 5 (a fraction: write 0.05 for 5 per cent)"),
        ("attack.iterations", 10**18, "must be at most 1,000,000,000, got 1000000000000000000"),
        ("attack.generator.widths", [8, 10**10], "[1]: must be at most 1,000,000,000, got 10000000000"),
        ("attack.generator.widths", [1] * 1001, "must have at most 1,000 items, got 1,001"),
        ("attack.generator.optimizer.learning_rate", 1e300, "must be at most 1,000,000,000, got 1e+300"),
        ("attack.generator.optimizer.learning_rate", 1e-300, "must be 0 or at least 1e-30, got 1e-300"),
        ("attack.lambda_prior", 10**12, "must be at most 1,000,000,000, got 1000000000000"),
        ("resources.trial.members_per_actor", 0, "must be at least 1 or 'auto', got 0"),
        ("resources.trial.members_per_actor", "all", "must be a whole number or 'auto', got 'all'"),
    ],
)
def test_a_bad_value_is_told_by_place_rule_and_value(load: Loader, key: str, value: Any, rule: str) -> None:
    line = load.faults({key: value})[0]
    assert line == (f"{key}{rule}" if rule.startswith("[") else f"{key}: {rule}")


def test_a_number_far_below_zero_is_told_the_bound_below() -> None:
    (fault,) = number_faults({"attack": {"of_a_plugin": -(10**12)}})
    assert fault == (("attack", "of_a_plugin"), "must be at least -1,000,000,000, got -1000000000000")


def test_a_long_value_is_cut_short(load: Loader) -> None:
    (line,) = load.faults({"attack.alpha": "x" * 1000})
    assert line == f"attack.alpha: must be a number, got '{'x' * 76}..."


@pytest.mark.parametrize(
    "key", ["name", "dataset", "task", "attack", "evaluation", "task.classes", "task.poison_class", "attack.alpha"]
)
def test_what_must_be_given(load: Loader, key: str) -> None:
    text = {k: dict(v) if isinstance(v, dict) else v for k, v in BODY.items()}
    section, _, name = key.partition(".")
    if name:
        del text[section][name]
    else:
        del text[section]
    assert load.faults(repr(text)) == [f"{key}: must be given"]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"attack.epochs": 3},
            "attack: exactly one of `epochs` and `iterations` must be given, got both",
        ),
        (
            {"attack.iterations": None},
            "attack: exactly one of `epochs` and `iterations` must be given, got neither",
        ),
        ({"attack.alpha": None}, "attack.alpha: must be a number, got null"),
        (
            {"dataset.path": "my.npz"},
            "dataset.path: is not a key of `digits`: delete it (keys of `digits`: name, test_fraction, judged_on, "
            "split_seed; this is a key of `file`)",
        ),
        (
            {"dataset.value_range": [0, 1]},
            "dataset.value_range: is not a key of `digits`: delete it (keys of `digits`: name, test_fraction, "
            "judged_on, split_seed; this is a key of `file`)",
        ),
        ({"dataset": {"name": "file"}}, "dataset.path: must be given"),
        (
            {"dataset": {"name": "file", "path": "a.npz", "scaling": "min_max", "value_range": [0, 1]}},
            "dataset: `scaling` and `value_range` must not both be given, because each says how features are scaled",
        ),
        (
            {"dataset": {"name": None, "path": "a.npz", "value_range": [1, 1]}},
            "dataset.value_range: must be [low, high] with low < high, got [1.0, 1.0]",
        ),
        *(
            (
                {"dataset": {"name": None, "path": "a.npz", "value_range": ends}},
                "dataset.value_range: must have ends and a width that float32 can represent (1.2e-38 to 3.4e+38 in "
                f"size), got {ends}; store the features in another unit",
            )
            for ends in ([-1e39, 1e39], [0.0, 1e-50], [-3e38, 3e38], [0.0, 1e-45])
        ),
        (
            {"dataset": {"name": None, "path": "a.npz", "value_range": [1, 1.000000000001]}},
            "dataset.value_range: must have ends that differ in float32, got [1.0, 1.000000000001]; shift the "
            "features towards 0",
        ),
        ({"task.classes": [3, 5, 3]}, "task: `classes` must name each label once, got 3 again at classes[2]"),
        ({"task.poison_class": 4}, "task: `poison_class` must be one of `classes` [3, 5], got 4"),
        ({"task.source_class": 5}, "task: `source_class` must differ from `poison_class`, got 5 for both"),
        (
            {"task.classes": [*range(20)], "task.poison_class": 20},
            "task: `poison_class` must be one of `classes` [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ... 20 in all], got 20",
        ),
        (
            {"evaluation.poison_fractions": [0, 0.1, 0.1]},
            "evaluation: `poison_fractions` must name each fraction once, got 0.1 again at poison_fractions[2]",
        ),
        (
            {"resources.trial.gpu": 0.00005},
            "resources.trial: `gpu` must be 0 or at least 0.01, got 5e-05: each actor is a process",
        ),
        (
            {"evaluation.detector.neighbours": 21},
            "evaluation.detector: `neighbours` must be at most `sample_size` (20), got 21",
        ),
        (
            {"evaluation.trusted_per_class": 20},
            "evaluation: `detector.sample_size` must be less than `trusted_per_class` (20), got 20: "
            "the threshold comes from the rest",
        ),
        (
            {"evaluation.trusted_per_class": 3, "evaluation.detector.name": "local_outlier_factor"},
            "evaluation: `trusted_per_class` must be at least 4 for `local_outlier_factor`, got 3: it compares the "
            "points of one half with each other",
        ),
        (
            {"evaluation.poison_fractions": [0, 0.6]},
            "(top level): `evaluation.poison_fractions` must be at most 1/2, got 0.6: poison replaces points of the "
            "poison class, which is one of 2 equal classes (`placement: add` has no such limit)",
        ),
        (
            {"evaluation.poison_set_size": 39},
            "(top level): `evaluation.poison_set_size` must be at least 40, the number of poisoning points at the "
            "largest poison fraction, got 39",
        ),
    ],
)
def test_rules_between_fields(load: Loader, changes: dict[str, Any], line: str) -> None:
    assert load.faults(changes) == [line]


def test_a_class_can_be_replaced_whole(load: Loader) -> None:
    assert load({"evaluation.poison_fractions": [0.5]}).cells == 6


def test_no_detector_needs_no_sample(load: Loader) -> None:
    sweep = load({"evaluation.trusted_per_class": 2, "evaluation.detector.name": "none"})
    assert sweep.configurations[0].settings.evaluation.detector.name == "none"


def test_all_faults_of_a_file_are_told_at_once(load: Loader) -> None:
    faults = load.faults(
        {
            "sede": 1,
            "dataset.name": "mnits",
            "task.source_class": 5,
            "attack.alpha": {"grid": []},
            "attack.batch_size": {"grid": [20, 1]},
            "evaluation.runs": 0,
            "profiles.quick.attack.epochs": 3,
        }
    )
    assert sorted(faults) == [
        "attack.alpha.grid: must be a list of at least one value, got []",
        "attack.batch_size.grid[1]: must be at least 2, got 1",
        f"dataset.name: {UNKNOWN_DATASET}",
        "evaluation.runs: must be at least 1, got 0",
        "sede: is not a known key; did you mean `seed`?",
        "task: `source_class` must differ from `poison_class`, got 5 for both",
    ]


def test_a_flood_of_faults_is_cut_short(load: Loader) -> None:
    faults = load.faults({"attack.alpha": {"grid": [float(i) for i in range(2, 300)]}})
    assert len(faults) == 101
    assert faults[99].startswith("attack.alpha.grid[99]: must be at most 1, got 101.0")
    assert faults[100] == " and 198 more faults"


def test_a_key_is_shown_on_one_line(load: Loader) -> None:
    assert load.faults({"a\nb": 1})[0].startswith(r"'a\nb': is not a known key")
