"""Bringing a sweep's directory to MLflow once more: after an outage, or to another server."""

from collections import Counter
from contextlib import suppress

from pgan_ray.results import Directory, Store, outcome_of
from pgan_ray.spec import SweepRecord
from pgan_ray.tracking import configuration_run, generator_run, sweep_run
from pgan_ray.tracking.connection import EXPERIMENT, connect
from pgan_ray.tracking.context import Context
from pgan_ray.tracking.course import Course
from pgan_ray.tracking.rows_file import RowsFile
from pgan_ray.tracking.runs import Runs
from pgan_ray.tracking.uri import tracking_uri as resolve


def rebuild(
    store: Store, record: SweepRecord, *, tracking_uri: str | None = None, experiment: str = EXPERIMENT
) -> dict[str, str]:
    """Bring all that the directory holds to MLflow. What is there already stays as it is.

    Returns the files that cannot be used, with the reasons: they are left out. Raises `TrackingError` where MLflow
    cannot be used, and whatever MLflow raises on the way; then the runs that are open end as failed.
    """
    directory = Directory(store, record)
    directory.examine_generators()
    connection = connect(resolve(tracking_uri), experiment)
    try:
        _publish(Context(directory, Runs(connection, record.id), live=False))
    except BaseException:
        with suppress(Exception):  # MLflow may be what failed
            # What was believed of the runs may be wrong now.
            sweep_run.end_open(Context(directory, Runs(connection, record.id), live=False), "FAILED")
        raise
    return directory.damaged


def _publish(context: Context) -> None:
    directory = context.directory
    sweep_run.start(context)
    for place in directory.generators():
        generator_run.finish(context, *place)
    sweep = context.record.sweep
    outcomes, results = Counter[str](), sweep.result_ids
    with RowsFile() as file:
        gathered = sweep_run.Gathered(file)
        for configuration, rows in directory.tables():
            if configuration in results:
                outcomes.update(rows["outcome"].to_pylist())
            # Where cells are missing, the sweep as a whole was interrupted.
            whole = rows.num_rows == context.configurations[configuration].cell_count
            status = None if whole else sweep_run.STATUS["interrupted"]
            gathered.add(configuration, rows, configuration_run.finish(context, configuration, rows, status))
        sweep_run.end(context, gathered, outcome_of(outcomes, sweep.result_cells), Course())
    sweep_run.log_report(context)
