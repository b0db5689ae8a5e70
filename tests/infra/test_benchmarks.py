"""The benchmarks of what lies around the training still run."""

import argparse
from pathlib import Path

from infra.benchmarks import attack_scale, orchestration, search
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
