"""The run of one finished generator: curves, sample grids, poison set and model, all read from the directory."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pgan_ray.errors import TrackingError
from pgan_ray.results import GeneratorRecord, Store, read_poison, read_record, read_samples, read_training
from pgan_ray.results.generators import folder
from pgan_ray.tracking import images
from pgan_ray.tracking.curves import training_metrics
from pgan_ray.tracking.model import log_generator
from pgan_ray.tracking.runs import KnownRun, Runs

TrainingRows = Sequence[Mapping[str, Any]]


def finished_record(store: Store, configuration: str, replicate: int) -> GeneratorRecord:
    """The replicate's record. Raises `TrackingError` where there is none."""
    record = read_record(store, configuration, replicate)
    if record is None:
        raise TrackingError(f"a finished generator must have a record, got none for {configuration}/r{replicate}")
    return record


def training_rows(store: Store, configuration: str, replicate: int) -> list[dict[str, Any]]:
    """The stored training curve, in order."""
    rows: list[dict[str, Any]] = read_training(store, configuration, replicate).to_pylist()
    return rows


def log_rows(runs: Runs, run: KnownRun, rows: TrainingRows, logged: set[int]) -> None:
    """Log training rows, but for those whose iteration is in ``logged`` already; adds them to it.

    A trial that was interrupted repeats iterations after its last checkpoint, at another time: MLflow would keep both.
    """
    fresh = {int(row["iteration"]): row for row in rows if int(row["iteration"]) not in logged}
    runs.measure(run, training_metrics(fresh.values()))
    logged |= fresh.keys()


def logged_iterations(runs: Runs, run: KnownRun) -> set[int]:
    """The iterations that MLflow holds. A row's metrics are always written in one batch, so one of them tells."""
    return {step for step, _ in runs.measured(run, "train/generator_loss")}


def log_artifacts(store: Store, runs: Runs, run: KnownRun, key: str, record: GeneratorRecord, rows: TrainingRows) -> None:
    """Log images, poison set and model."""
    place = (record.configuration, record.replicate)
    complete = record.outcome == "complete"
    with tempfile.TemporaryDirectory() as temporary:
        files = Path(temporary)
        if record.image_shape is not None:
            samples = read_samples(store, *place)
            times = {iteration: _time_of(iteration, rows, run.start_ms) for iteration in samples}
            images.write_grids(files, samples, record.image_shape, times)
        if complete:
            (files / "poison.safetensors").write_bytes(store.read(f"{folder(*place)}/poison.safetensors"))
        runs.client.log_artifacts(run.id, str(files))
    if complete:
        weights = store.read(f"{folder(*place)}/generator.safetensors")
        log_generator(runs, run, key, weights, features=read_poison(store, *place).shape[1])


def tags_of(record: GeneratorRecord) -> dict[str, str]:
    """What became of the generator."""
    tags = {"pgan.outcome": record.outcome, "pgan.device": record.device}
    if record.message:
        tags["pgan.message"] = record.message
    if record.image_shape is not None:
        tags |= dict([images.TAG])
    return tags


def _time_of(iteration: int, rows: TrainingRows, default_ms: int) -> int:
    after = [int(row["timestamp_ms"]) for row in rows if row["iteration"] >= iteration]
    return after[0] if after else int(rows[-1]["timestamp_ms"]) if rows else default_ms
