"""What a sweep costs around its training: real Tune, evaluators, store and MLflow, with the training left out.

    python infra/benchmarks/orchestration.py 100 1000
    python infra/benchmarks/orchestration.py 10000 --executor local --without-mlflow

runs sweeps of so many configurations, each of one generator and 90 cells, one after the other, and prints a line of
figures for each. MLflow is a sqlite file, or what --tracking-uri names. On the finished directory follow `resume`, with
nothing left to do, and `report` and `track`. Each is a process of its own, as the peak of memory is a process's.
"""

import argparse
import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

import torch

from pgan_ray.attacks import Member, TrainingPoint
from pgan_ray.attacks.engines.pgan import METRICS
from pgan_ray.attacks.pgan import PGanConfig
from pgan_ray.cluster import RayExecutor, connect
from pgan_ray.data import TaskData
from pgan_ray.datasets.load import load_dataset
from pgan_ray.evaluation import CellResult, Detection
from pgan_ray.report import write_report
from pgan_ray.results import Store, check_resumable, read_sweep
from pgan_ray.runner import Engine, Executor, LocalExecutor, Silent, SweepOutcome, SweepRun
from pgan_ray.spec import Cell, SweepRecord, load_sweep
from pgan_ray.tracking import MlflowTracker, NullTracker, Tracker, rebuild
from pgan_ray.victims.engines.scoring import score

FRACTIONS, RUNS = [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4], 10
CELLS = len(FRACTIONS) * RUNS
DELIVER_S = 7200.0


class NoTraining:
    """As `pgan_ray.attacks.Training`, with noise for poison and no losses."""

    def __init__(
        self, spec: PGanConfig, members: list[Member], task: TaskData, *, device: torch.device, precision: str
    ) -> None:
        self.members, self.iteration, self.features = tuple(members), 0, task.features
        self.diverged_at: dict[int, int] = {}

    def train(self, iterations: int) -> None:
        self.iteration += iterations

    def report(self) -> list[TrainingPoint]:
        losses = dict.fromkeys(METRICS, 1.0 / (1 + self.iteration))
        return [TrainingPoint(member.replicate, self.iteration, losses) for member in self.members]

    def sample(self, points: int, *purpose: str) -> torch.Tensor:
        return torch.zeros(len(self.members), points, self.features)

    def weights(self, index: int) -> dict[str, torch.Tensor]:
        return {"layers.0.weight": torch.zeros(2, self.features), "layers.0.bias": torch.zeros(1, self.features)}

    def architecture(self) -> dict[str, object]:
        return {"noise_features": 2, "layers": 1, "negative_slope": 0.1, "batch_norm": False, "output": "tanh"}

    def state(self) -> dict[str, torch.Tensor]:
        return {"iteration": torch.tensor(self.iteration)}

    def load_state(self, tensors: dict[str, torch.Tensor]) -> None:
        self.iteration = int(tensors["iteration"])


def no_evaluation(cells: list[Cell], spec: object, task: TaskData, *_: object, **__: object) -> list[CellResult]:
    """As `pgan_ray.evaluation.evaluate_cells`, with the same scores for all."""
    matrix = torch.tensor([[90, 10], [5, 95]])
    scores = score(matrix, poison_label=1, source_label=0)
    seen, clean = Detection(0.05, 0.01, 0.05, 0.03, 0.4, 0.7), Detection(0.05, rejected_genuine_both=0.05)
    return [
        CellResult(c, "complete", 100, seen if c.poison_fraction else clean, scores=scores, confusion=matrix)
        for c in cells
    ]


def sweep_file(configurations: int) -> dict[str, object]:
    """A sweep of so many configurations, of one generator and 90 cells each."""
    return {
        "name": "orchestration",
        "dataset": {"name": "digits"},
        "task": {"classes": [3, 5], "poison_class": 5, "source_class": 3},
        "attack": {
            "alpha": {"grid": [index / configurations for index in range(configurations)]},
            "lambda_prior": 0.9,
            "replicates": 1,
            "iterations": 50,
        },
        "evaluation": {
            "poison_fractions": FRACTIONS,
            "runs": RUNS,
            "train_per_class": 60,
            "trusted_per_class": 50,
            "poison_set_size": 100,
        },
    }


def run(configurations: int, folder: Path, given: argparse.Namespace) -> dict[str, float]:
    """One sweep; its figures."""
    sweep = load_sweep(sweep_file(configurations), really_large=True)
    record, store = SweepRecord(f"orchestration-{configurations}-{int(time.time())}", sweep), Store(folder / "sweep")
    store.write("sweep.yaml", record.to_yaml().encode())
    tracker = NullTracker() if given.without_mlflow else MlflowTracker(store, record, tracking_uri=uri(folder, given))
    tracker.check()
    loaded_mb = _memory() / 1e6
    start = time.monotonic()
    outcome = _drive(record, store, given.executor, tracker, Engine(NoTraining, no_evaluation))
    ran_s = time.monotonic() - start
    undelivered = tracker.close(DELIVER_S)
    delivered_s = time.monotonic() - start
    assert (outcome.outcome, undelivered) == ("complete", 0), outcome.failures[:1]
    return {
        "configurations": configurations,
        "cells": sweep.cells,
        "stages_s": outcome.seconds,
        "summary_s": ran_s - outcome.seconds,
        "mlflow_behind_s": delivered_s - ran_s,
        "ms_per_configuration": 1e3 * delivered_s / configurations,
        "ms_per_cell": 1e3 * delivered_s / sweep.cells,
        "driver_start_mb": loaded_mb,
        "driver_peak_mb": _peak(),
        "driver_cpu_s": sum(resource.getrusage(resource.RUSAGE_SELF)[:2]),
        "store_mb": _size(folder / "sweep") / 1e6,
        "mlflow_mb": (_size(folder) - _size(folder / "sweep")) / 1e6,  # artifacts included
    }


def _drive(record: SweepRecord, store: Store, executor: str, tracker: Tracker, engine: Engine) -> SweepOutcome:
    settings = record.sweep.configurations[0].settings
    datasets = {settings.dataset_key: load_dataset(settings.dataset, seed=settings.seed)}
    with contextlib.ExitStack() as stack:
        runs: Executor = LocalExecutor()
        if executor == "ray":
            runs = RayExecutor(stack.enter_context(connect(None, evaluator_cpu=1.0)))
        return SweepRun(record, store, datasets, runs, tracker, Silent(), members=(1, 10), engine=engine).run()


def _resume(store: Store, given: argparse.Namespace) -> None:
    record = read_sweep(store)
    check_resumable(store, record)
    outcome = _drive(record, store, given.executor, NullTracker(), Engine(_never, _never))
    assert outcome.outcome == "complete", outcome.failures[:1]


def _never(*_: object, **__: object) -> NoReturn:
    raise AssertionError("nothing is left to run")


def after(step: str, folder: Path, given: argparse.Namespace) -> dict[str, float]:
    """What one of the other commands takes on the finished directory."""
    store, start = Store(folder / "sweep"), time.monotonic()
    if step == "resume":
        _resume(store, given)
    elif step == "report":
        write_report(store, Store(folder / "report"))
    else:
        rebuild(store, read_sweep(store), tracking_uri=f"sqlite:///{folder}/rebuilt.db")
    return {f"{step}_s": time.monotonic() - start, f"{step}_peak_mb": _peak()}


def uri(folder: Path, given: argparse.Namespace) -> str:
    """Where MLflow is."""
    return given.tracking_uri or f"sqlite:///{folder}/mlflow.db"


def _memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _peak() -> float:
    """This process's, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def main() -> None:
    """Every step in a process of its own, all of one size in one folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configurations", type=int, nargs="+")
    parser.add_argument("--executor", choices=["ray", "local"], default="ray")
    parser.add_argument("--tracking-uri")
    parser.add_argument("--without-mlflow", action="store_true", help="leave out `track`, too")
    parser.add_argument("--in", dest="folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--step", default="run", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.folder:
        run_one = given.step == "run"
        found = run(given.configurations[0], given.folder, given) if run_one else after(given.step, given.folder, given)
        (given.folder / "result.json").write_text(json.dumps(found))
        return
    steps = ["run", "resume", "report", *([] if given.without_mlflow else ["track"])]
    for configurations in given.configurations:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, str(Path(__file__).absolute()), str(configurations), "--in", folder]
            command += ["--executor", given.executor]
            command += ["--tracking-uri", given.tracking_uri] if given.tracking_uri else []
            command += ["--without-mlflow"] if given.without_mlflow else []
            for step in steps:
                subprocess.run([*command, "--step", step], check=True, cwd=folder)
                found = json.loads(Path(folder, "result.json").read_text())
                print(json.dumps({key: round(value, 3) for key, value in found.items()}), flush=True)


if __name__ == "__main__":
    main()
