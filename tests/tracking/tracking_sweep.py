"""The small sweep that the tracking tests write and read back."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pgan_ray.results import RATES, TRAINING, GeneratorFiles, GeneratorRecord, Store, write_generator, write_rows
from pgan_ray.spec import Cell, Configuration, SweepRecord, load_sweep

START_MS = 1_700_000_000_000
FEATURES, NOISE, WIDTH = 16, 3, 8
ITERATIONS = range(10, 60, 10)
PASSWORD = "hunter2"

SWEEP = """
name: tiny
controls: false
description: two alphas on tiny images
dataset: {name: digits}
task: {classes: [3, 5], poison_class: 5, source_class: 3}
attack:
  alpha: {grid: [0.1, 0.9]}
  lambda_prior: 0.9
  replicates: 2
  iterations: 50
  generator: {noise_features: 3, widths: [8]}
evaluation:
  poison_fractions: [0, 0.2, 0.4]
  runs: 2
  train_per_class: 20
  trusted_per_class: 30
"""


def make_record(text: str = SWEEP) -> SweepRecord:
    """The record of the sweep file ``text``."""
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "tiny.yaml"
        file.write_text(text)
        sweep = load_sweep(file)
    facts = {
        "dataset": "digits",
        "dataset_digest": "ab" * 32,
        "dataset_source": f"https://someone:{PASSWORD}@data.example/digits.npz?token={PASSWORD}",
        "git_commit": "0123abc",
        "torch": "2.13.0",
    }
    return SweepRecord("tiny-0001", sweep, facts)


def architecture(batch_norm: bool = True) -> dict[str, object]:
    """What the tiny generator's file says of itself."""
    return {
        "kind": "mlp",
        "noise_features": NOISE,
        "layers": [NOISE, WIDTH, FEATURES],
        "negative_slope": 0.1,
        "batch_norm": batch_norm,
        "output": "tanh",
        "image_shape": [4, 4],
    }


def weights(seed: int) -> dict[str, np.ndarray]:
    """A tiny generator with batch norm."""
    random = np.random.default_rng(seed)

    def draw(*shape: int) -> np.ndarray:
        return random.standard_normal(shape).astype(np.float32)

    return {
        "layers.0.weight": draw(NOISE, WIDTH),
        "layers.0.bias": draw(1, WIDTH),
        "layers.1.weight": draw(WIDTH, FEATURES),
        "layers.1.bias": draw(1, FEATURES),
        "norms.0.weight": draw(WIDTH),
        "norms.0.bias": draw(WIDTH),
        "norms.0.running_mean": draw(WIDTH),
        "norms.0.running_var": np.abs(draw(WIDTH)),
    }


def training_rows(replicate: int) -> list[dict[str, Any]]:
    """The training curve of one replicate."""
    return [
        {
            "iteration": iteration,
            "timestamp_ms": START_MS + 1000 * iteration + replicate,
            "metrics": {
                "discriminator_loss": 1.0 / iteration,
                "classifier_loss": 0.5,
                "generator_loss": -0.1 * iteration,
                "discriminator_score": 0.4,
                "classifier_poison_loss": 0.3 + replicate,
            },
        }
        for iteration in ITERATIONS
    ]


def write_replicate(store: Store, configuration: Configuration, replicate: int, outcome: str = "complete") -> None:
    """One finished generator."""
    random = np.random.default_rng(replicate)
    record = GeneratorRecord(
        configuration.id,
        replicate,
        outcome,
        max(ITERATIONS),
        12.5,
        "cpu",
        (4, 4),
        "" if outcome == "complete" else "NaN",
    )
    files = GeneratorFiles(
        weights=weights(replicate),
        architecture=architecture(),
        poison=random.uniform(-1, 1, (30, FEATURES)).astype(np.float32),
        samples={it: random.uniform(-1, 1, (64, FEATURES)).astype(np.float32) for it in (10, 50)},
        training=pa.Table.from_pylist(training_rows(replicate), schema=TRAINING),
    )
    write_generator(store, record, files)


def error_of(cell: Cell) -> float:
    """The made-up test error of a cell: differs by configuration, replicate, fraction and run."""
    alpha = 0.1 if "0.1" in cell.configuration else 0.9
    return 0.05 + (1 - alpha) * cell.poison_fraction / 4 + 0.01 * cell.replicate + 0.001 * cell.run


def write_cells(
    store: Store, record: SweepRecord, configuration: Configuration, replicate: int, *, outcome: str = "complete"
) -> None:
    """All rows of one replicate."""
    rows = []
    attack = configuration.settings.attack
    for cell in configuration.cells(replicate):
        rates = dict.fromkeys(("false_positive_rate", "false_negative_rate"), 0.05)
        rates |= dict.fromkeys(RATES, 0.05) | {"test_error": error_of(cell), "rejected_poison": 0.02}
        if outcome != "complete":
            rates = dict.fromkeys(rates)
        rows.append(
            {
                "sweep_id": record.id,
                "cell_id": cell.id,
                "configuration": cell.configuration,
                "replicate": cell.replicate,
                "variant": cell.variant,
                "attack": attack.name,
                "dataset": "digits",
                "attack_parameters": attack.make().parameters(),
                "poison_fraction": cell.poison_fraction,
                "run": cell.run,
                "victim": "mlp",
                "detector": "knn_distance",
                "percentile": 0.95,
                "defence": None,
                "train_size": 40,
                **rates,
                "confusion": None if outcome != "complete" else [[19, 1], [1, 19]],
                "boundary": None,
                "outcome": outcome,
                "message": None,
                "seconds": 0.5,
                "device": "cpu: AMD EPYC",
            }
        )
    write_rows(store, f"{configuration.id}/r{replicate}", rows)


def make_store(folder: Path, record: SweepRecord) -> Store:
    """The finished sweep's directory."""
    store = Store(folder)
    store.write("sweep.yaml", record.to_yaml().encode())
    for configuration in record.sweep.configurations:
        for replicate in range(configuration.settings.attack.replicates):
            if configuration.settings.attack.is_trained:
                write_replicate(store, configuration, replicate)
            write_cells(store, record, configuration, replicate)
    return store
