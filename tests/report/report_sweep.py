"""Directories of sweeps, with rows that say what a test wants them to say."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pgan_ray.results import (
    RATES,
    SCORES,
    TRAINING,
    GeneratorFiles,
    GeneratorRecord,
    Store,
    write_generator,
    write_rows,
)
from pgan_ray.spec import Cell, Settings, SweepRecord, load_sweep
from pgan_ray.study.series import series_of
from pgan_ray.study.study import Study, load_study

ALPHAS = """
name: alphas
controls: false
description: "three alphas"
dataset: {name: mnist}
task: {classes: [3, 5], poison_class: 5, source_class: 3}
attack:
  alpha: {grid: [0.1, 0.5, 0.9]}
  lambda_prior: 0.9
  replicates: 3
  iterations: 50
evaluation:
  poison_fractions: [0, 0.2, 0.4]
  runs: 2
"""
FLIPS = ALPHAS.replace("alpha: {grid: [0.1, 0.5, 0.9]}", "name: {grid: [pgan, nearest_label_flip]}\n  alpha: 0.1")
LAMBDAS = (
    ALPHAS.replace("{grid: [0.1, 0.5, 0.9]}", "0.2")
    .replace("lambda_prior: 0.9", "lambda_prior: {grid: [0.1, 0.5, 0.9, 1]}")
    .replace("[0, 0.2, 0.4]", "[0, 0.2]")
)
SIZES = ALPHAS.replace("{grid: [0.1, 0.5, 0.9]}", "0.1").replace(
    "  runs: 2", "  runs: 2\n  train_per_class: {grid: [500, 1000, 2000]}"
)
DETECTION = """
name: detection
dataset: {name: mnist}
task: {classes: [3, 5], poison_class: 5, source_class: 3}
attack: {alpha: {grid: [0, 0.1, 0.9]}, lambda_prior: 0.9, replicates: 3, iterations: 50}
evaluation:
  poison_fractions: [0.4]
  runs: 2
  victim: {name: none}
  detector: {percentile: {grid: [0.9, 0.95]}}
"""
TEN = """
name: ten
controls: false
dataset: {name: mnist}
task: {classes: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], poison_class: 5, source_class: 3, surrogate_classes: [3, 5]}
attack: {alpha: 0.1, lambda_prior: 0.9, replicates: 3, iterations: 50}
evaluation: {poison_fractions: [0, 0.02, 0.04], runs: 2, train_per_class: 1000}
"""
PLANE = """
name: plane
dataset: {name: gaussians}
task: {classes: [0, 1], poison_class: 1, source_class: 0}
attack:
  alpha: {grid: [0, 0.2, 1]}
  lambda_prior: 1.6
  replicates: 3
  iterations: 50
  generator: {noise_features: 2, widths: [20], dropout: 0, output: linear}
evaluation:
  poison_fractions: [0, 0.2]
  placement: add
  runs: 2
  train_per_class: 20
  victim: {name: logistic}
  detector: {name: none}
"""

Scores = Callable[[Settings, Cell], dict[str, Any]]


def make_record(text: str = ALPHAS, profile: str = "paper", sweep_id: str = "alphas-0001") -> SweepRecord:
    """The record of the sweep file ``text``."""
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "sweep.yaml"
        file.write_text(text if "profiles:" in text else f"{text}\nprofiles: {{paper: {{}}}}\n", encoding="utf-8")
        sweep = load_sweep(file, profile=profile)
    facts = {
        "dataset": "mnist",
        "dataset_digest": "ab" * 32,
        "dataset_source": "https://someone:hunter2@data.example/mnist.gz?token=hunter2",
        "cluster": "1 node(s), 2 CPU(s), 0 GPU(s)",
        "torch": "2.13.0",
        "tracking_uri": "sqlite:////home/user/mlflow.db",
    }
    return SweepRecord(sweep_id, sweep, facts)


def harm(settings: Settings, cell: Cell) -> dict[str, Any]:
    """Scores as the paper's claims have them: small alpha does most harm, to the source class alone."""
    alpha = settings.attack.alpha if settings.attack.is_trained and settings.attack.alpha is not None else 0.5
    noise = 0.001 * cell.replicate + 0.0005 * cell.run
    rise = 0.25 * (1 - alpha) * cell.poison_fraction * (1 + 0.02 * cell.replicate)
    return {
        "test_error": 0.025 + rise + noise,
        "false_positive_rate": 0.02 + 2 * rise + noise,
        "false_negative_rate": 0.03 + noise,
        "rejected_genuine": 1 - settings.evaluation.detector.kept_fraction + noise,
        "rejected_poison": 0.01 + noise / 2 if cell.poison_fraction else None,
    }


def make_rows(store: Store, record: SweepRecord, scores: Scores = harm, replicates: int | None = None) -> None:
    """The rows of every cell (of the first ``replicates``), by ``scores``."""
    _, series = series_of(record.sweep)
    by_key = {one.key: one for one in series}
    for configuration in record.sweep.configurations:
        for replicate in range(configuration.settings.attack.replicates)[:replicates]:
            rows = [
                _row(record, by_key[configuration.id, cell.variant].settings, cell, scores)
                for cell in configuration.cells(replicate)
            ]
            write_rows(store, f"{configuration.id}/r{replicate}", rows)


def _row(record: SweepRecord, settings: Settings, cell: Cell, scores: Scores) -> dict[str, Any]:
    attack, evaluation = settings.attack, settings.evaluation
    made = {
        "sweep_id": record.id,
        "cell_id": cell.id,
        "configuration": cell.configuration,
        "replicate": cell.replicate,
        "variant": cell.variant,
        "attack": attack.name,
        "dataset": settings.dataset.known_as,
        "attack_parameters": attack.make().parameters(),
        "poison_fraction": cell.poison_fraction,
        "run": cell.run,
        "victim": evaluation.victim.name,
        "detector": evaluation.detector.name,
        "percentile": getattr(evaluation.detector, "percentile", None),
        "defence": evaluation.defence_name,
        "train_size": 950,
        **dict.fromkeys(RATES),
        "confusion": None,
        "boundary": None,
        "outcome": "complete",
        "message": None,
        "seconds": 36.0,
        "device": "cpu: AMD EPYC",
        **scores(settings, cell),
    }
    if made["outcome"] != "complete" or evaluation.victim.name == "none":
        made |= dict.fromkeys(SCORES)
    return made


def make_generators(store: Store, record: SweepRecord, features: int = 16, outcome: str = "complete") -> None:
    """A finished generator for every replicate of every trained configuration."""
    for index, configuration in enumerate(record.sweep.configurations):
        if not configuration.settings.attack.is_trained:
            continue
        for replicate in range(configuration.settings.attack.replicates):
            random = np.random.default_rng([index, replicate])
            shape = (4, 4) if features == 16 else None
            message = "" if outcome == "complete" else "a loss was not finite"
            generator = GeneratorRecord(configuration.id, replicate, outcome, 50, 120.0, "cpu", shape, message)
            poison = random.normal(size=(30, features)).astype(np.float32)
            files = GeneratorFiles(
                weights={"layers.0.weight": np.zeros((2, 2), np.float32)},
                architecture={},
                poison=poison if outcome == "complete" else poison[:0],
                samples={it: np.tanh(random.normal(size=(64, features))).astype(np.float32) for it in (10, 50)}
                if outcome == "complete"
                else {},
                training=TRAINING.empty_table(),
            )
            write_generator(store, generator, files)


def write_genuine(
    store: Store, source: tuple[float, float] = (2.5, -1.0), own: tuple[float, float] = (0.5, 1.0)
) -> None:
    """The genuine points of two classes, as a sweep writes them."""
    random = np.random.default_rng(0)
    xy = np.concatenate([random.normal(size=(200, 2)) + mean for mean in (source, own)])
    store.write_table("genuine.parquet", pa.table({"x": xy[:, 0], "y": xy[:, 1], "label": [0] * 200 + [1] * 200}))


def make_store(
    folder: Path | str, text: str = ALPHAS, scores: Scores = harm, sweep_id: str = "alphas-0001", **more: Any
) -> Store:
    """A finished sweep's directory, without a summary."""
    store, record = Store(folder), make_record(text, sweep_id=sweep_id)
    store.write("sweep.yaml", record.to_yaml().encode())
    make_generators(store, record, features=2 if "gaussians" in text else 16)
    make_rows(store, record, scores, **more)
    return store


def make_study(folder: Path, text: str = ALPHAS, scores: Scores = harm, **more: Any) -> Study:
    """The same, read."""
    return load_study(make_store(folder, text, scores, **more))
