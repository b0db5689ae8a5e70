"""The run of one generator: its curve while it is trained, and all that is kept of it once it is finished."""

import tempfile
from pathlib import Path

from pgan_ray.errors import TrackingError
from pgan_ray.results import GeneratorRecord
from pgan_ray.results.generators import folder, holds_perceptron
from pgan_ray.tracking import images
from pgan_ray.tracking.context import Context, TrainingRows
from pgan_ray.tracking.curves import training_metrics
from pgan_ray.tracking.model import log_generator
from pgan_ray.tracking.runs import KnownRun


def train(context: Context, configuration: str, replicate: int, rows: TrainingRows) -> None:
    """Log live training rows. Those of a generator that is finished are in its own curve already."""
    if rows and context.directory.generator(configuration, replicate) is None:
        run = context.generator(configuration, replicate, int(rows[0]["timestamp_ms"]), reopen=True)
        _log_rows(context, run, context.key(configuration, replicate), rows)


def finish(context: Context, configuration: str, replicate: int) -> None:
    """Log the whole curve, images, poison set and model, and end the run."""
    record = context.directory.generator(configuration, replicate)
    if record is None:
        raise TrackingError(f"a finished generator must have a record, got none for {configuration}/r{replicate}")
    rows = context.training_rows(configuration, replicate)
    run = context.generator(configuration, replicate, int(rows[0]["timestamp_ms"]) if rows else None)
    key = context.key(configuration, replicate)
    _log_rows(context, run, key, rows)
    _log_files(context, run, key, record, rows)
    context.runs.describe(run, {}, _tags(record))
    end_ms = int(rows[-1]["timestamp_ms"]) if rows else run.start_ms
    context.runs.end(key, "FINISHED" if record.outcome == "complete" else "FAILED", end_ms)
    context.logged.pop(key, None)


def _log_rows(context: Context, run: KnownRun, key: str, rows: TrainingRows) -> None:
    # A trial that was interrupted repeats the iterations after its last checkpoint, at another time: MLflow
    # would keep both. One batch holds all metrics of a row, so any of them tells which rows are there.
    metrics = training_metrics(rows)
    if not metrics:
        return
    if key not in context.logged:
        context.logged[key] = {step for step, _ in context.runs.measured(run, metrics[0][0])}
    logged = context.logged[key]
    fresh = {int(row["iteration"]): row for row in rows if int(row["iteration"]) not in logged}
    context.runs.measure(run, training_metrics(fresh.values()))
    logged |= fresh.keys()


def _log_files(context: Context, run: KnownRun, key: str, record: GeneratorRecord, rows: TrainingRows) -> None:
    """What can be read of them: the model only where its weights are whole."""
    directory, place = context.directory, (record.configuration, record.replicate)
    poison = directory.poison(*place) if record.outcome == "complete" else None
    with tempfile.TemporaryDirectory() as temporary:
        files = Path(temporary)
        if record.image_shape is not None:
            samples = directory.samples(*place, record.image_shape) or {}
            times = {iteration: _time_of(iteration, rows, run.start_ms) for iteration in samples}
            images.write_grids(files, samples, record.image_shape, times)
        if poison is not None:
            content = context.store.read(f"{folder(*place)}/poison.safetensors")
            (files / "poison.safetensors").write_bytes(content)
        context.runs.client.log_artifacts(run.id, str(files))
    weights = None if poison is None else directory.weights(*place)
    if poison is not None and weights is not None and holds_perceptron(weights):
        log_generator(context.runs, run, key, weights, features=poison.shape[1])


def _tags(record: GeneratorRecord) -> dict[str, str]:
    tags = {"pgan.outcome": record.outcome, "pgan.device": record.device}
    if record.message:
        tags["pgan.message"] = record.message
    if record.image_shape is not None:
        tags |= images.TAG
    return tags


def _time_of(iteration: int, rows: TrainingRows, default_ms: int) -> int:
    """The time in ms of the first row from ``iteration`` on."""
    after = [int(row["timestamp_ms"]) for row in rows if row["iteration"] >= iteration]
    return after[0] if after else int(rows[-1]["timestamp_ms"]) if rows else default_ms
