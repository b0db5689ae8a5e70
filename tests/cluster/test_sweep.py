"""Whole sweeps on a real Ray cluster: what `tests/runner` does not see without one."""

import json
from pathlib import Path

import pytest
import ray

from pgan_ray.data import Dataset
from pgan_ray.results import Store, read_record, read_rows
from pgan_ray.runner import LocalExecutor, Silent, SweepState
from tests.runner.sweeps import Run, run_in, without_seconds
from tests.tiny import tiny_sweep


def test_ray_and_this_process_make_the_same_sweep(run: Run, digits: dict[str, Dataset], tmp_path: Path) -> None:
    """To the bit: attacks, victims and generators of both stages, and of a surrogate of two classes."""
    sweep = tiny_sweep(
        tmp_path,
        "attack.alpha=0.1",
        "attack.name={grid: [pgan, random_label_flip]}",
        "task={classes: [3, 5, 8], surrogate_classes: [3, 5]}",
        "evaluation.poison_fractions=[0, 0.1]",
        "evaluation.runs=1",
        "evaluation.victim.name={grid: [mlp, knn]}",
    )
    directory, local = tmp_path / "ray", tmp_path / "local"
    assert run(sweep, directory).outcome == "complete"
    assert run_in(LocalExecutor(), digits, sweep, local).outcome == "complete"
    assert without_seconds(read_rows(Store(directory))) == without_seconds(read_rows(Store(local)))
    for replicate in (0, 1):
        for file in ("poison", "generator", "samples"):
            name = f"generators/attack=pgan/r{replicate}/{file}.safetensors"
            assert (directory / name).read_bytes() == (local / name).read_bytes()

    events = json.loads((directory / "timeline.json").read_text())["traceEvents"]
    assert {event["name"] for event in events if event["name"].startswith("generators")} == {
        "generators attack=pgan/r0-1"
    }
    actors = json.loads((directory / "summary.json").read_text())["actors"]
    assert actors["slots"] == 2
    assert 0 <= actors["all_busy_until_last_twentieth"] <= 1
    assert not (directory / "tune").exists()


class Watch(Silent):
    """Sees what is in use, and whether victims were done while generators were still trained."""

    def __init__(self) -> None:
        self.least_gpu_left = 1.0
        self.overlapped = False

    def update(self, state: SweepState, slots: int) -> None:
        self.least_gpu_left = min(self.least_gpu_left, ray.available_resources().get("GPU", 0.0))
        self.overlapped |= state.victims_done > 0 and state.generators_done < state.generators


@pytest.mark.cluster
def test_fractions_of_a_gpu_overlapping_stages_and_variants(run: Run, tmp_path: Path) -> None:
    """One sweep for three things, since each sweep starts processes: they do not touch each other."""
    sweep = tiny_sweep(
        tmp_path,
        "attack.alpha=0.5",
        "attack.iterations=9000",  # the second training outlasts the start of an evaluator
        "attack.discriminator_steps=1",
        "attack.classifier_steps=1",
        "resources.trial.gpu=0.5",
        "resources.evaluator.gpu=0.25",
        "evaluation.detector.percentile={grid: [0.9, 0.95]}",
    )
    watch = Watch()
    # Beside an evaluator's quarter one half fits: the second replicate is trained after the first.
    assert run(sweep, tmp_path / "sweep", members=(1, 3), progress=watch).outcome == "complete"
    assert watch.least_gpu_left <= 0.5
    assert watch.overlapped
    store = Store(tmp_path / "sweep")
    # The announced GPU is granted, and is not there: by `PGAN_RAY_DEVICE`.
    records = [read_record(store, "base", replicate) for replicate in (0, 1)]
    assert all(record and record.device.startswith("cpu: ") for record in records)
    # The variants of the evaluation share their generators.
    rows = read_rows(store)
    assert rows.num_rows == 24
    rejected: dict[float, float] = {}
    for row in rows.to_pylist():
        rejected[row["percentile"]] = rejected.get(row["percentile"], 0) + row["rejected_genuine"]
    assert rejected[0.9] > rejected[0.95]
