"""The run of one configuration: the curves by which configurations are compared."""

import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pgan_ray.results import summarise
from pgan_ray.tracking.context import Context
from pgan_ray.tracking.curves import victim_metrics
from pgan_ray.tracking.runs import KnownRun, Runs

COMPARED = "victims"  # how many are in the means: another number, other means


def finish(context: Context, configuration: str, rows: pa.Table, status: str | None = None) -> None:
    """Log the curves of ``rows``, all that the configuration has, and end its run.

    ``status``: of a configuration that misses some rows; else it is finished if any victim was scored.
    """
    spec = context.configurations[configuration]
    key = context.key(configuration)
    trained = context.trained(configuration)
    run = context.configuration(configuration, trained[0] if trained else None)
    points = summarise(rows)
    # The curves' time is that of the last training row: the same, whenever they are brought.
    metrics = victim_metrics(spec, points, rows, context.scale, trained[1] if trained else run.start_ms)
    current = {(step, value) for name, value, _, step in metrics if name == COMPARED}
    if set(context.runs.measured(run, COMPARED)) - current:
        # Rows came since these means were taken. MLflow cannot drop points, and would draw both.
        run = context.runs.replace(key, configuration, context.key())
        context.describe(run, spec)
    context.runs.measure(run, metrics)
    for replicate in sorted(set(rows["replicate"].to_pylist())):
        generator = context.runs.find(context.key(configuration, replicate))
        if generator is not None:
            log_table(context.runs, generator, rows.filter(pc.equal(rows["replicate"], replicate)))
    context.runs.end(key, status or ("FINISHED" if points else "FAILED"), context.now(configuration))


def log_table(runs: Runs, run: KnownRun, rows: pa.Table) -> None:
    """Log victims' rows as the artifact ``victims.parquet``."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "victims.parquet"
        pq.write_table(rows, file, compression="zstd")
        runs.client.log_artifact(run.id, str(file))
