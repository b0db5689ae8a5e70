"""Bringing a sweep's directory to MLflow once more: after an outage, or to another server."""

from contextlib import suppress

import pyarrow as pa

from pgan_ray.results import Directory, Outcome, Store
from pgan_ray.spec import Configuration, SweepRecord
from pgan_ray.tracking.connection import EXPERIMENT
from pgan_ray.tracking.events import (
    ConfigurationFinished,
    GeneratorFinished,
    ReportWritten,
    SweepFinished,
    SweepStarted,
)
from pgan_ray.tracking.publisher import Publisher
from pgan_ray.tracking.uri import tracking_uri as resolve


def rebuild(
    store: Store, record: SweepRecord, *, tracking_uri: str | None = None, experiment: str = EXPERIMENT
) -> dict[str, str]:
    """Bring all that the directory holds to MLflow. What is there already stays as it is.

    Returns the files that cannot be used, with the reasons: they are left out. Raises `TrackingError` where MLflow
    cannot be used, and whatever MLflow raises on the way; then the runs that are open end as failed.
    """
    directory = Directory(store, record)
    directory.examine()
    publisher = Publisher(directory, resolve(tracking_uri), experiment, live=False)
    publisher.connect()
    try:
        _publish(publisher, directory)
    except BaseException:
        with suppress(Exception):  # MLflow may be what failed
            publisher.finish("FAILED")
        raise
    return directory.damaged


def _publish(publisher: Publisher, directory: Directory) -> None:
    publisher.publish(SweepStarted())
    outcomes: set[str] = set()
    for configuration in directory.record.sweep.configurations:
        for replicate in range(configuration.settings.attack.replicates):
            if directory.generator(configuration.id, replicate) is not None:
                publisher.publish(GeneratorFinished(configuration.id, replicate))
        found = _outcomes(directory.rows(configuration.id), configuration)
        outcomes |= found
        if "missing" not in found:
            publisher.publish(ConfigurationFinished(configuration.id))
    publisher.publish(SweepFinished(_outcome(outcomes)))
    publisher.publish(ReportWritten())


def _outcomes(rows: pa.Table, configuration: Configuration) -> set[str]:
    """The outcomes of the configuration's cells; `missing` where one has no row."""
    outcomes = set(rows["outcome"].to_pylist())
    there = set(rows["cell_id"].to_pylist())
    replicates = range(configuration.settings.attack.replicates)
    whole = all(cell.id in there for replicate in replicates for cell in configuration.cells(replicate))
    return outcomes if whole else outcomes | {"missing"}


def _outcome(outcomes: set[str]) -> Outcome:
    if "missing" in outcomes:
        return "interrupted"
    return "partial" if outcomes - {"complete"} else "complete"
