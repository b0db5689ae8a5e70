"""The run of one configuration: the curves by which configurations are compared."""

import itertools

import pyarrow as pa
import pyarrow.compute as pc

from pgan_ray.results import Change, Point, summarise
from pgan_ray.tracking.context import Context
from pgan_ray.tracking.curves import change_metrics, victim_metrics
from pgan_ray.tracking.rows_file import RowsFile

COMPARED = "victims"  # how many are in the means: another number, other means


def finish(context: Context, configuration: str, rows: pa.Table, status: str | None = None) -> list[Point]:
    """Log the curves of ``rows``, all that the configuration has, and end its run. Returns the curves' points.

    ``status``: of a configuration that misses some rows; else it is finished if any victim was scored.
    """
    spec = context.configurations[configuration]
    key = context.key(configuration)
    trained = context.trained(configuration)
    run = context.configuration(configuration, trained[0] if trained else None)
    points = summarise(rows)
    # The curves' time is that of the last training row: the same, whenever they are brought.
    metrics = victim_metrics(
        context.record.sweep, spec, points, rows, context.scale, trained[1] if trained else run.start_ms
    )
    current = {(step, value) for name, value, _, step in metrics if name == COMPARED}
    if set(context.runs.measured(run, COMPARED)) - current:
        # Rows came since these means were taken. MLflow cannot drop points, and would draw both.
        run = context.runs.replace(key, context.key())
        context.describe(run, spec)
    context.runs.measure(run, metrics)
    for replicate in sorted(set(rows["replicate"].to_pylist())):
        generator = context.runs.find(context.key(configuration, replicate))
        if generator is not None:
            with RowsFile() as file:
                file.add(rows.filter(pc.equal(rows["replicate"], replicate)))
                file.log(context.runs, generator)
    context.runs.end(key, status or ("FINISHED" if points else "FAILED"), context.now(configuration))
    return points


def compare(context: Context, changes: list[Change]) -> None:
    """Log how much more the victims of each configuration err than those of the controls, by poison fraction."""
    for configuration, members in itertools.groupby(changes, lambda change: change.configuration):
        trained = context.trained(configuration)
        run = context.configuration(configuration, trained[0] if trained else None)
        time_ms = trained[1] if trained else run.start_ms
        spec = context.configurations[configuration]
        context.runs.measure(run, change_metrics(context.record.sweep, spec, list(members), context.scale, time_ms))
