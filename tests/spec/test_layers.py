"""Profiles and overrides: what wins, and whose fault a fault is."""

from typing import Any

import pytest

from pgan_ray.spec import load_sweep, profile_names
from pgan_ray.spec.layers import merge

from .helpers import Loader


@pytest.mark.parametrize(
    ("below", "above", "merged"),
    [
        ({"a": 1, "b": 2}, {"b": 3, "c": 4}, {"a": 1, "b": 3, "c": 4}),
        ({"s": {"a": 1, "t": {"b": 2}}}, {"s": {"t": {"c": 3}}}, {"s": {"a": 1, "t": {"b": 2, "c": 3}}}),
        ({"a": [1, 2, 3]}, {"a": [4]}, {"a": [4]}),
        ({"a": {"grid": [1, 2]}}, {"a": {"grid": [3]}}, {"a": {"grid": [3]}}),
        ({"a": {"grid": [1, 2]}}, {"a": 3}, {"a": 3}),
        ({"a": 3}, {"a": {"grid": [1, 2]}}, {"a": {"grid": [1, 2]}}),
        ({"s": {"a": 1}}, {"s": {"grid": [{"a": 2}]}}, {"s": {"grid": [{"a": 2}]}}),
        ({"s": {"grid": [{"a": 2}]}}, {"s": {"a": 1}}, {"s": {"a": 1}}),
        ({"a": 1}, {"a": None}, {"a": None}),
        ({"s": {"a": 1}}, {"s": None}, {"s": None}),
        ({"a": 1}, {"a": {"b": 2}}, {"a": {"b": 2}}),
    ],
)
def test_merge(below: dict[str, Any], above: dict[str, Any], merged: dict[str, Any]) -> None:
    before = repr((below, above))
    assert merge(below, above) == merged
    assert repr((below, above)) == before


QUICK = {
    "attack.alpha": {"grid": [0.1, 0.9]},
    "profiles.quick": {
        "dataset": {"name": "gaussians"},
        "attack": {"iterations": None, "epochs": 2, "alpha": 0.3, "lambda_prior": {"grid": [0.5, 0.9]}},
    },
    "profiles.same": None,
}


def test_a_profile_lies_over_the_body(load: Loader) -> None:
    sweep = load(QUICK, profile="quick")
    assert sweep.profile == "quick"
    first, second = (c.settings for c in sweep.configurations)
    assert (first.dataset.name, first.attack.alpha) == ("gaussians", 0.3)
    assert (first.attack.epochs, first.attack.iterations) == (2, None)
    assert (first.attack.lambda_prior, second.attack.lambda_prior) == (0.5, 0.9)
    assert first.task.classes == [3, 5]  # the body's
    assert "profiles" not in sweep.document


def test_the_body_is_a_profile(load: Loader) -> None:
    assert load(QUICK).configurations == load(QUICK, profile="same").configurations
    assert [c.id for c in load(QUICK).configurations] == ["alpha=0.1", "alpha=0.9"]
    assert load().profile == load(profile="body").profile == "body"


def test_a_file_that_has_the_papers_setting_calls_a_profile_so(load: Loader) -> None:
    sweep = load({"profiles.paper.attack.alpha": 0.7}, profile="paper")
    assert (sweep.profile, sweep.configurations[0].settings.attack.alpha) == ("paper", 0.7)
    assert profile_names(load.file) == ["paper"]
    assert load_sweep(load.file).profile == "body"
    assert load.faults(profile="paper") == ["profiles: the profile must be one of body, got 'paper'"]


def test_a_body_that_is_no_profile_need_not_hold_by_itself(load: Loader) -> None:
    changes = {"attack.alpha": 7, "profiles.paper.attack.alpha": 0.7}
    assert load(changes, profile="paper").cells == 18
    assert load.faults(changes) == ["attack.alpha: must be at most 1, got 7"]


def test_profile_names(load: Loader) -> None:
    load(QUICK)
    assert profile_names(load.file) == ["body", "quick", "same"]
    load()
    assert profile_names(load.file) == ["body"]


def test_an_unknown_profile_is_told_what_is_offered(load: Loader) -> None:
    assert load.faults(QUICK, profile="fast") == ["profiles: the profile must be one of body, quick, same, got 'fast'"]


def test_an_unknown_profile_does_not_hide_other_faults(load: Loader) -> None:
    faults = load.faults({"seed": -1, "profiles.q.seed": -2}, profile="fast")
    assert faults[0].startswith("profiles: the profile must be one of ")
    assert faults[1:] == ["seed: must be at least 0, got -1", "profiles.q.seed: must be at least 0, got -2"]


@pytest.mark.parametrize(
    ("profiles", "line"),
    [
        ([], "profiles: must be a section of named overrides, got []"),
        (3, "profiles: must be a section of named overrides, got 3"),
        ({"quick": 3}, "profiles.quick: must be a section of overrides, got 3"),
        ({"auto": {}}, "profiles.auto: must not be called `auto`: `--profile auto` chooses one of the other profiles"),
        (
            {"../x": {}},
            "profiles.'../x': must have a name that matches [A-Za-z0-9][A-Za-z0-9_.-]{0,31}, got '../x'",
        ),
    ],
)
def test_what_profiles_must_be(load: Loader, profiles: object, line: str) -> None:
    assert load.faults({"profiles": profiles}) == [line]


def test_a_fault_of_the_body_is_told_once_and_a_profiles_at_its_place(load: Loader) -> None:
    changes = {
        "attack.batch_size": 1,  # every profile has it too
        "attack.alpha": 7,  # `b` mends it
        "profiles.a.attack.label_smoothing": 2,
        "profiles.b": {"attack": {"alpha": 0.1, "iterations": {"grid": [1, 0]}, "generator": {"width": [1]}}},
        "profiles.c.seed": -1,
    }
    body = [
        "attack.alpha: must be at most 1, got 7",
        "attack.batch_size: must be at least 2, got 1",
    ]
    profiles = [
        "profiles.a.attack.label_smoothing: must be less than 1, got 2 (a fraction: write 0.02 for 2 per cent)",
        "profiles.b.attack.iterations.grid[1]: must be at least 1, got 0",
        "profiles.b.attack.generator.width: is not a known key; did you mean `widths`?",
        "profiles.c.seed: must be at least 0, got -1",
    ]
    for profile in ("body", "a", "b", "c"):
        faults = load.faults(changes, profile=profile)
        assert faults[:2] == body
        assert sorted(faults[2:]) == sorted(profiles)


def test_a_rule_between_fields_that_a_profile_breaks_is_its_fault(load: Loader) -> None:
    assert load.faults({"profiles.a.attack.epochs": 3}) == [
        "profiles.a.attack: exactly one of `epochs` and `iterations` must be given, got both"
    ]
    (line,) = load.faults({"profiles.a.evaluation.train_per_class": 5000})
    assert line.startswith("profiles.a: `evaluation.poison_set_size` must be at least 4000")


def test_profiles_do_not_nest(load: Loader) -> None:
    (line,) = load.faults({"profiles.a.profiles": {}})
    assert line.startswith("profiles.a.profiles: is not a known key; known keys here: name, description")


def test_an_override_wins_over_profile_and_body(load: Loader) -> None:
    overrides = ["attack.alpha=0.5", " attack.epochs = 7", "attack.lambda_prior={grid: [0.2, 0.3, 0.4]}"]
    sweep = load(QUICK, profile="quick", overrides=overrides)
    assert [c.id for c in sweep.configurations] == ["lambda_prior=0.2", "lambda_prior=0.3", "lambda_prior=0.4"]
    attack = sweep.configurations[0].settings.attack
    assert (attack.alpha, attack.epochs) == (0.5, 7)


def test_the_last_override_wins(load: Loader) -> None:
    sweep = load(overrides=["attack.alpha=0.5", "attack.alpha=0.6", "attack={replicates: 1, alpha: 0.7}"])
    attack = sweep.configurations[0].settings.attack
    assert (attack.alpha, attack.replicates, attack.iterations) == (0.7, 1, 10)


def test_an_override_can_mend_the_file(load: Loader) -> None:
    assert load({"attack.alpha": 7}, overrides=["attack.alpha=0.7"]).cells == 18


def test_an_override_may_suit_the_chosen_profile_alone(load: Loader) -> None:
    """`epochs` without `iterations` is right in `quick`; the body, which is not run, is not held against it."""
    assert load(QUICK, profile="quick", overrides=["attack.epochs=9"]).profile == "quick"


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("attack.alpha", "--set attack.alpha: must be of the form a.b=value"),
        ("=1", "--set =1: must be of the form a.b=value"),
        ("attack..alpha=1", "--set attack..alpha=1: must be of the form a.b=value"),
        (
            "attack.alpha=[1",
            "--set attack.alpha=[1:1:3: must be valid YAML: expected ',' or ']', but got '<stream end>'",
        ),
        (
            "attack.alpha=1.2",
            "--set attack.alpha: must be at most 1, got 1.2",
        ),
        ("seed=", "--set seed: must be a whole number, got null"),
        ("attack.alpha=", "--set attack.alpha: must be a number, got null"),
        (
            "attack.alpha.x=1",
            '--set attack.alpha: must be a number, got {"x": 1} (a grid is written {grid: [a, b]})',
        ),
        ("attack.alpha={grid: [0.1, 2, 3]}", "--set attack.alpha.grid[1]: must be at most 1, got 2"),
        ("attack=3", "--set attack: must be a section with keys of its own, got 3"),
        ("attack.epochs=3", "--set attack: exactly one of `epochs` and `iterations` must be given, got both"),
        (
            "profiles.quick.seed=1",
            "--set profiles.quick.seed=1: must name a key of the sweep file's body; choose a profile with --profile",
        ),
    ],
)
def test_a_faulty_override_is_named(load: Loader, override: str, line: str) -> None:
    assert load.faults(overrides=[override])[0].startswith(line)


def test_all_faulty_overrides_are_told(load: Loader) -> None:
    faults = load.faults({"seed": -1}, overrides=["a", "b", "attack.alpha=3", "profiles.a=1"])
    assert [line.partition(":")[0] for line in faults] == [
        "seed",
        "--set attack.alpha",
        "--set a",
        "--set b",
        "--set profiles.a=1",
    ]


def test_a_section_given_in_part_keeps_the_rest_of_its_default(load: Loader) -> None:
    resources = load({"resources.trial.cpu": 2.0}).resources
    assert resources.trial.gpu == resources.evaluator.gpu == 0.25
    attack = load({"attack.generator.optimizer.learning_rate": 0.01}).configurations[0].settings.attack
    assert (attack.generator.optimizer.name, attack.generator.optimizer.learning_rate) == ("adam", 0.01)
    assert attack.discriminator.optimizer.name == "sgd"


@pytest.mark.parametrize("is_first", [True, False])
def test_an_override_that_the_named_component_does_not_have_is_told(load: Loader, is_first: bool) -> None:
    overrides = ["evaluation.victim.epochs=5", "evaluation.victim.name=knn"]
    (line,) = load.faults(overrides=overrides if is_first else overrides[::-1])
    assert line.startswith("--set evaluation.victim.epochs: is not a key of `knn`")
    # What the file says goes with the name it had.
    body = {"evaluation.victim": {"name": "mlp", "widths": [8]}}
    assert load(body, overrides=["evaluation.victim.name=knn"]).cells == 18
    assert load(body, overrides=["evaluation.victim.name=logistic", "evaluation.victim.epochs=5"]).cells == 18
