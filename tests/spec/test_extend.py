"""More values for a grid: the old configurations as they were, the new ones as a new sweep would have them."""

import re
from dataclasses import replace
from typing import Any

import pytest

from pgan_ray.errors import SpecError
from pgan_ray.spec import SweepRecord, load_record, with_replicates, with_values

from .helpers import Loader, ids

PGAN = {"name": "pgan", "alpha": 0.1, "lambda_prior": 0.9, "iterations": 10, "replicates": 2}
FLIP = {"name": "random_label_flip", "replicates": 2}
SECTIONS = {"attack": {"grid": [PGAN, FLIP]}, "controls": True}
EVALUATION = {"evaluation.victim.epochs": {"grid": [25, 80]}}
VICTIMS = {"evaluation.victim": {"grid": [{"name": "mlp", "epochs": 3}, {"name": "knn"}]}}


def record(load: Loader, changes: dict[str, Any]) -> SweepRecord:
    """As a sweep that was run is read from its directory."""
    return load_record(SweepRecord("id", load(changes), {"cpu": "some"}).to_yaml(), "sweep.yaml")


@pytest.mark.parametrize(
    ("changes", "additions", "whole", "added"),
    [
        (
            {"attack.alpha": {"grid": [0.1, 0.5]}},
            ["attack.alpha=0.9", "attack.alpha=1"],
            {"attack.alpha": {"grid": [0.1, 0.5, 0.9, 1]}},
            ["alpha=0.9", "alpha=1"],
        ),
        (
            {"seed": {"grid": [0, 1]}, "attack.alpha": {"grid": [0.1]}, "controls": True},
            ["seed=2", "attack.alpha=0.9"],
            {"seed": {"grid": [0, 1, 2]}, "attack.alpha": {"grid": [0.1, 0.9]}, "controls": True},
            [*(f"alpha=0.9,seed={seed}" for seed in (0, 1, 2)), "alpha=0.1,seed=2", "seed=2,control=removal"],
        ),
        (
            {"attack.generator.widths": {"grid": [[8], [16]]}, **EVALUATION},
            ["attack.generator.widths=[8, 8]"],
            {"attack.generator.widths": {"grid": [[8], [16], [8, 8]]}, **EVALUATION},
            None,
        ),
        (
            SECTIONS,
            ["attack={name: nearest_label_flip, replicates: 2}"],
            {**SECTIONS, "attack": {"grid": [PGAN, FLIP, {"name": "nearest_label_flip", "replicates": 2}]}},
            ["attack=nearest_label_flip"],
        ),
        (
            {"attack.alpha": {"grid": [0.1, 0.5]}, **VICTIMS, "controls": True},
            ["evaluation.victim={name: logistic}", "attack.alpha=1"],
            {
                "attack.alpha": {"grid": [0.1, 0.5, 1]},
                "evaluation.victim": {"grid": [{"name": "mlp", "epochs": 3}, {"name": "knn"}, {"name": "logistic"}]},
                "controls": True,
            },
            ["alpha=1"],
        ),
        (
            {"evaluation.poison_fractions": {"grid": [[0, 0.1], [0, 0.2]]}, **EVALUATION},
            ["evaluation.poison_fractions=[0, 0.4]"],
            {"evaluation.poison_fractions": {"grid": [[0, 0.1], [0, 0.2], [0, 0.4]]}, **EVALUATION},
            [],
        ),
    ],
)
def test_it_is_the_sweep_with_all_values(
    load: Loader, changes: dict[str, Any], additions: list[str], whole: dict[str, Any], added: list[str] | None
) -> None:
    old = record(load, changes)
    longer, anew = with_values(old, additions), load(whole)
    assert longer.sweep == anew
    found = {one.id: one for one in longer.sweep.configurations}
    for one in old.sweep.configurations:
        assert set(one.cells(0)) <= set(found[one.id].cells(0))
        assert replace(found[one.id], variants=one.variants) == one
    if added is not None:
        assert sorted(set(ids(longer.sweep)) - set(ids(old.sweep))) == sorted(added)


def test_the_record_keeps_the_digests_that_it_had(load: Loader) -> None:
    old = record(load, {"attack.alpha": {"grid": [0.1, 0.5]}})
    once = with_values(old, ["attack.alpha=0.9"])
    twice = with_values(once, ["attack.alpha=1"])
    assert (once.earlier, twice.earlier) == ((old.digest,), (old.digest, once.digest))
    assert len({old.digest, once.digest, twice.digest}) == 3
    text = twice.to_yaml()
    assert load_record(text, "sweep.yaml") == twice
    assert (twice.id, twice.facts) == (old.id, old.facts)
    with pytest.raises(SpecError, match=r"^s:resolved: must be as `pgan-ray sweep` wrote it, got \{"):
        load_record(re.sub(r"earlier:\n  - \w+\n  - \w+", "earlier: {a: b}", text), "s")


@pytest.mark.parametrize(
    ("changes", "additions", "message"),
    [
        ({}, ["attack.alpha 0.9"], "--add attack.alpha 0.9: must be of the form a.b=value"),
        (
            {},
            ["attack.iterations=20"],
            "--add attack.iterations=20: must name a grid of the sweep (attack.alpha), got one value, 10",
        ),
        ({}, ["attack.beta=1"], "--add attack.beta=1: must name a grid of the sweep (attack.alpha), got no such key"),
        ({}, ["attack=none"], "--add attack=none: must name a grid of the sweep (attack.alpha), got a section"),
        (
            {"attack.alpha": 0.1},
            ["attack.alpha=0.5"],
            "--add attack.alpha=0.5: must name a grid of the sweep (it has no grids), got one value, 0.1",
        ),
        (
            SECTIONS,
            ["attack.alpha=0.5"],
            "--add attack.alpha=0.5: must name a grid of the sweep (attack), got a field of the grid `attack`, whose "
            "values are whole sections",
        ),
        (
            {"attack.alpha": {"grid": [0.5, 1.0]}},
            ["attack.alpha=1"],
            "--add attack.alpha=1: must be a value that the grid does not have yet, got one of [0.5, 1.0]",
        ),
        (
            {},
            ["attack.alpha=0.9", "attack.alpha=0.9"],
            "--add attack.alpha=0.9: must be a value that the grid does not have yet, got one of [0.1, 0.5, 0.9]",
        ),
        ({}, ["attack.alpha=7"], "--add attack.alpha.grid[2]: must be at most 1, got 7"),
        ({}, ["attack.alpha=[1"], "--add attack.alpha=[1:1:3: must be valid YAML: "),
        (
            SECTIONS,
            ["attack={name: pgan, alpha: 0.5, lambda_prior: 1, epochs: 9}"],
            "--add: must leave the configuration `attack=pgan` (and 1 more) unchanged, got another name for it, "
            "because the grid now has two values with its `name`; run the whole grid as a new sweep",
        ),
        (
            SECTIONS,
            ["attack={name: removal}"],
            "--add: must leave the configuration `control=removal` unchanged, got this control a second time, as a "
            "value of the grid",
        ),
        (
            SECTIONS,
            ["attack={name: nearest_label_flip, replicates: 3}"],
            "--add: must leave the configuration `control=removal` unchanged, got `attack.replicates` 3 instead of "
            "2; run the whole grid as a new sweep",
        ),
        (
            VICTIMS,
            ["evaluation.victim={name: mlp, epochs: 9}"],
            "--add: must leave the configuration `alpha=0.1` (and 1 more) unchanged, got another name for its victims "
            "`victim=mlp`, because the grid now has two values with that `name`; run the whole grid as a new sweep",
        ),
        (
            {"evaluation.poison_set_size": {"grid": [100, 200]}},
            ["evaluation.poison_set_size=300"],
            "--add: must leave the configuration `alpha=0.1` (and 1 more) unchanged, got a need for 300 points of "
            "poison, where its generators were sampled for 200; run the whole grid as a new sweep",
        ),
        (
            {"attack.name": {"grid": ["pgan", "random_label_flip"]}},
            ["attack.name=blend"],
            "--add attack.name=blend: must not add to a grid of names: the keys beside `attack.name` belong to "
            "the names that it already has; run the whole grid as a new sweep",
        ),
    ],
)
def test_what_cannot_be_added_is_said_in_one_line(
    load: Loader, changes: dict[str, Any], additions: list[str], message: str
) -> None:
    old = record(load, {"attack.alpha": {"grid": [0.1, 0.5]}} | changes)
    with pytest.raises(SpecError) as caught:
        with_values(old, additions)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(message)
    assert line == message or message.endswith(": ")


@pytest.mark.parametrize(
    ("changes", "whole"),
    [
        ({"controls": True}, {"attack.replicates": 5, "controls": True}),
        ({"attack.alpha": {"grid": [0.1, 0.5]}, "attack.replicates": 5}, {"attack.replicates": 8}),
        (SECTIONS, {"attack": {"grid": [PGAN | {"replicates": 5}, FLIP | {"replicates": 5}]}}),
        (
            {"attack": {"grid": [PGAN, {"name": "random_label_flip"}]}, "controls": True},
            {"attack": {"grid": [PGAN | {"replicates": 5}, FLIP | {"replicates": 8}]}},
        ),
        (
            {"attack.name": {"grid": ["pgan", "random_label_flip"]}, "controls": True},
            {"attack.replicates": 5},
        ),
    ],
)
def test_more_replicates_are_those_of_the_sweep_that_has_so_many(
    load: Loader, changes: dict[str, Any], whole: dict[str, Any]
) -> None:
    old = record(load, changes)
    longer = with_replicates(old, 3)
    assert longer.sweep == load(changes | whole)
    assert longer.earlier == (old.digest,)


@pytest.mark.parametrize(
    ("changes", "more", "message"),
    [
        (
            {"attack.replicates": {"grid": [1, 2]}},
            3,
            "--replicates 3: must go with a sweep in which `replicates` is one number for each attack, got a grid of "
            "numbers: add a value to that grid with --add",
        ),
        (
            {"attack": {"grid": [PGAN, PGAN | {"alpha": 0.5}]}},
            3,
            "--replicates 3: must not rename a configuration: where attacks of a grid share a `name`, `replicates` is "
            "part of theirs, got another name for `attack=",
        ),
        ({}, 10**10, "--replicates 10000000000 attack.replicates: must be at most 1,000,000,000, got 10000000002"),
    ],
)
def test_replicates_that_cannot_be_more_are_told_in_one_line(
    load: Loader, changes: dict[str, Any], more: int, message: str
) -> None:
    with pytest.raises(SpecError) as caught:
        with_replicates(record(load, changes), more)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(message)
