"""The benchmarks of what lies around the training still run."""

import argparse
from pathlib import Path

import numpy as np

from infra.benchmarks import attack_scale, orchestration, plain_script, search
from tests.science import blobs


def test_a_sweep_whose_training_does_nothing(tmp_path: Path) -> None:
    given = argparse.Namespace(executor="local", without_mlflow=True, tracking_uri=None)
    figures = orchestration.run(2, tmp_path, given)
    assert (figures["configurations"], figures["cells"]) == (2, 3 * 90)  # with the control


def test_a_search_whose_training_does_nothing(tmp_path: Path) -> None:
    figures = search.run(4, "tpe", 2, tmp_path / "sweep")
    assert figures["trials"] == 4
    assert figures["asking_s"] < figures["seconds"]


def test_what_a_poisoning_point_costs() -> None:
    found = [
        attack_scale.figures(config, blobs(train_per_class=300), 200, 1)
        for config in attack_scale.attacks(200)
        if config.name != "pgan"
    ]
    assert {figures["attack"] for figures in found} == set(attack_scale.ATTACKERS)
    for figures in found:
        assert figures["poison_points"] == 6
        assert ("one_by_one_s" in figures) == (figures["attack"] in attack_scale.BILEVEL)


def test_the_plain_script_trains_generators_and_victims() -> None:
    every = plain_script.settings_of(("attack.iterations=60", "evaluation.victim.epochs=2"))
    assert [settings.attack.name for settings in every] == ["pgan"] * 3 + ["removal"]
    task, told = blobs(train_per_class=400), list[dict[str, float]]()
    poison = plain_script.generate(every[0], task, 0, told.append)
    assert poison is not None
    assert poison.shape == (every[0].evaluation.poison_set_size, task.features)
    assert [line["iteration"] for line in told] == list(range(1, 61))
    for given in (poison, plain_script.generate(every[3], task, 0, told.append)):
        error = plain_script.victim_error(every[0].evaluation, task, given, 0.2, np.random.default_rng(0))
        assert 0 <= error <= 1
