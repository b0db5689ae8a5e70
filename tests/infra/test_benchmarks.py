"""The benchmarks of what lies around the training still run."""

import argparse
from pathlib import Path

from infra.benchmarks import orchestration, search


def test_a_sweep_whose_training_does_nothing(tmp_path: Path) -> None:
    given = argparse.Namespace(executor="local", without_mlflow=True, tracking_uri=None)
    figures = orchestration.run(2, tmp_path, given)
    assert (figures["configurations"], figures["cells"]) == (2, 3 * 90)  # with the control


def test_a_search_whose_training_does_nothing(tmp_path: Path) -> None:
    figures = search.run(4, "tpe", 2, tmp_path / "sweep")
    assert figures["trials"] == 4
    assert figures["asking_s"] < figures["seconds"]
