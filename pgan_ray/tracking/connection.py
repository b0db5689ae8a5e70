"""Reaching MLflow: quietly, with short waits, and with one clear line where it cannot be used."""

import glob
import logging
import os
import re
import shutil
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pgan_ray.errors import TrackingError
from pgan_ray.results.redact import redact
from pgan_ray.tracking.writer import one_line

EXPERIMENT = "pgan-ray"
ABANDONED_S = 600.0  # making a database takes seconds

# Set unless the user did. The writer does the waiting and trying again itself, so a call should end soon.
ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",  # seconds
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
}


@dataclass(frozen=True)
class Connection:
    """A client and the experiment that the sweep's runs belong to."""

    client: Any  # mlflow.MlflowClient
    experiment_id: str


def connect(uri: str, experiment: str) -> Connection:
    """Open the store or server at ``uri``, make ``experiment`` if need be, and see that it can be written to.

    A new sqlite database takes seconds. Raises `TrackingError`.
    """
    import_mlflow()
    from mlflow import MlflowClient

    # MLflow 3.17's database modules warn, about themselves, when they are first imported.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")

        try:
            _make_database(uri)
            _probe_database(uri)
            client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            experiment_id = _experiment_id(client, experiment)
            client.set_experiment_tag(experiment_id, "pgan.writable", "true")
        except TrackingError:
            raise
        except Exception as error:
            raise TrackingError(
                f"the MLflow tracking URI must name a store or server that can be used, got {redact(uri)}: "
                f"{_reason(error)}"
            ) from None
    return Connection(client, experiment_id)


def _make_database(uri: str) -> None:
    """Make a new sqlite database beside its place: MLflow never opens one again whose making was cut short."""
    from mlflow import MlflowClient
    from sqlalchemy.engine import make_url

    url = make_url(uri) if uri.startswith("sqlite") else None
    if url is None or not url.database or url.database == ":memory:":
        return
    place = Path(url.database)
    _remove_abandoned(place)
    if place.exists():
        return
    place.parent.mkdir(parents=True, exist_ok=True)  # as MLflow does
    with TemporaryDirectory(dir=place.parent, prefix=_beside(place), ignore_cleanup_errors=True) as folder:
        made = Path(folder, place.name)
        made_uri = url.set(database=str(made)).render_as_string(hide_password=False)
        _probe_database(made_uri)
        MlflowClient(tracking_uri=made_uri).search_experiments(max_results=1)
        # Fails where another sweep was faster, and where the file system has no links: MLflow makes it in its place.
        with suppress(OSError):
            place.hardlink_to(made)


def _beside(place: Path) -> str:
    """What the names of the folders begin with in which the database at ``place`` is made."""
    return f".{place.name}-making-"


def _remove_abandoned(place: Path) -> None:
    """Remove what processes left that were killed while they made the database."""
    for folder in place.parent.glob(f"{glob.escape(_beside(place))}*"):
        with suppress(OSError):  # it may end meanwhile, and be another user's
            if time.time() - folder.stat().st_mtime > ABANDONED_S:
                shutil.rmtree(folder)


def _probe_database(uri: str) -> None:
    """Fail at once where MLflow would try to open a database for two minutes, silently."""
    if not uri.startswith(("sqlite", "postgresql", "mysql", "mssql")):
        return
    from sqlalchemy import create_engine, make_url

    url = make_url(uri)
    engine = create_engine(url)
    try:
        engine.connect().close()
    finally:
        engine.dispose()


def _reason(error: Exception) -> str:
    """What is wrong in as few words as the error allows: of a failed connection, what the system said."""
    line = one_line(error)
    system = re.search(r"Caused by .*\[Errno -?\d+\] ([^'\")]+)", line)
    return system[1] if system else line


def import_mlflow() -> None:
    """Import all of MLflow that is used, so that nothing is printed then or later."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # MLflow 3.17 warns about its own modules. Here, because filters are no thread's own: the writer must not set any.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.data.meta_dataset
        import mlflow.pyfunc  # noqa: F401

    logging.getLogger("mlflow").setLevel(os.environ["MLFLOW_LOGGING_LEVEL"])
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _experiment_id(client: Any, name: str) -> str:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name))
        except MlflowException:
            # Another sweep may have made it in between.
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        raise TrackingError(
            f"the MLflow experiment must not be deleted, got {name!r}: restore it with "
            f"`mlflow experiments restore --experiment-id {found.experiment_id}`"
        )
    return str(found.experiment_id)
