"""Reaching MLflow: quietly, with short waits, and with one clear line where it cannot be used."""

import glob
import logging
import os
import re
import shutil
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pgan_ray.errors import TrackingError
from pgan_ray.results.redact import keep_secret, redact
from pgan_ray.tracking.uri import DATABASE, READ_TWO_WAYS, recorded
from pgan_ray.tracking.writer import one_line

EXPERIMENT = "pgan-ray"
ABANDONED_S = 600.0  # making a database takes seconds

# Set unless the user did. The writer does the waiting and trying again itself, so a call should end soon.
ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",  # seconds
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",  # each in lines of its own, through ours
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
    with _opened(uri, experiment, make=True) as client:
        experiment_id = _experiment_id(client, experiment)
        client.set_experiment_tag(experiment_id, "pgan.writable", "true")
    return Connection(client, experiment_id)


def look(uri: str, experiment: str) -> Connection | None:
    """Open the store or server at ``uri`` as it is; None where it has no such ``experiment``.

    Raises `TrackingError`, also where there is no such store.
    """
    with _opened(uri, experiment, make=False) as client:
        found = client.get_experiment_by_name(experiment)
    return None if found is None else Connection(client, str(found.experiment_id))


def is_new_database(uri: str) -> bool:
    """Whether a sqlite database would be made at ``uri``, which takes seconds. Raises `TrackingError`."""
    place = database(uri)
    return place is not None and not os.path.exists(place)  # noqa: PTH110 - false for what no file can be called


def existing_store(uri: str) -> str:
    """``uri`` as MLflow takes it, of a store that is there. Raises `TrackingError`."""
    place = database(uri)
    if place is not None and not os.path.exists(place):  # noqa: PTH110 - false for what no file can be called
        raise TrackingError(
            f"the MLflow store must exist, got none at {redact(str(place))}: `pgan-ray sweep` and `pgan-ray track` "
            "create it; to name another, add --tracking-uri"
        )
    return for_mlflow(uri)


@contextmanager
def _opened(uri: str, experiment: str, *, make: bool) -> Iterator[Any]:
    """A client of the store or server at ``uri``. What fails within is a `TrackingError` that names it."""
    keep_secret(uri)
    import_mlflow()
    from mlflow import MlflowClient
    from mlflow.utils.credentials import read_mlflow_creds

    keep_secret(password=read_mlflow_creds().password)
    # MLflow 3.17's database modules warn, about themselves, when they are first imported.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            place = database(uri)
            uri = for_mlflow(uri) if make else existing_store(uri)
            if make and place is not None:
                _make_database(place)
            _probe_database(uri)
            if place is not None:
                from pgan_ray.tracking.moved import follow_artifacts, is_writable

                if make and not is_writable(place):  # MLflow would tell by a traceback
                    raise TrackingError(
                        f"the MLflow store must be writable, got a read-only {redact(str(place))}: "
                        "to name another, add --tracking-uri"
                    )
                follow_artifacts(place, uri, experiment)
            yield MlflowClient(tracking_uri=uri, registry_uri=uri)
        except TrackingError:
            raise
        except Exception as error:
            raise TrackingError(
                f"the MLflow tracking URI must name a store or server that can be used, got {recorded(uri)}: "
                f"{_reason(error)}"
            ) from None


def database(uri: str) -> Path | None:
    """The file of a sqlite ``uri``; None for any other. Raises `TrackingError` where it is in memory."""
    if not uri.startswith("sqlite"):
        return None
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(uri)
    except ArgumentError:
        raise TrackingError(
            f"the MLflow tracking URI must be a valid URI, such as sqlite:///{DATABASE}, got {uri}"
        ) from None
    name = url.database or ":memory:"
    if ":memory:" in name or url.query.get("mode") == "memory":
        raise TrackingError(
            f"the MLflow tracking URI must name a store that outlives the command, got {uri}, which is in memory: "
            f"name a file, such as sqlite:///{DATABASE}"
        )
    return None if name.startswith("file:") else Path(name)


def for_mlflow(uri: str) -> str:
    """``uri`` such that MLflow and SQLAlchemy read one and the same path in it. Raises `TrackingError`."""
    place = database(uri)
    if place is None:
        return uri
    address, question, options = uri.partition("?")
    return f"{_uri_of(place, address.partition('://')[0])}{question}{options}"


def _uri_of(place: Path, scheme: str = "sqlite") -> str:
    if not READ_TWO_WAYS.search(str(place)):
        return f"{scheme}:///{place}"
    near = os.path.relpath(place)
    if READ_TWO_WAYS.search(near):
        raise TrackingError(
            f"the MLflow tracking URI must name a path without % and ?, got {place}: run the command in "
            f"the directory of that file, with sqlite:///{place.name}"
        )
    return f"{scheme}:///{near}"


def _make_database(place: Path) -> None:
    """Make a new sqlite database beside its place: MLflow never opens one again whose making was cut short.

    For its owner alone: whatever else is tracked in it is not ours to show.
    """
    from mlflow import MlflowClient

    _remove_abandoned(place)
    if place.exists():
        return
    place.parent.mkdir(parents=True, exist_ok=True)  # as MLflow does
    with TemporaryDirectory(dir=place.parent, prefix=_beside(place), ignore_cleanup_errors=True) as folder:
        made = Path(folder, place.name)
        made.touch(mode=0o600)
        made_uri = _uri_of(made)
        _probe_database(made_uri)
        MlflowClient(tracking_uri=made_uri).search_experiments(max_results=1)
        try:
            place.hardlink_to(made)
        except FileExistsError:
            pass  # another sweep was faster
        except OSError:  # a file system without links: MLflow makes it in its place
            place.touch(mode=0o600)


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
    # MLflow 3.17 warns about its own modules. At the start alone: filters are no thread's own, and the writer, whose
    # thread runs beside the sweep, must not set any.
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
            return str(client.create_experiment(name, artifact_location=_artifacts(name, client.tracking_uri)))
        except MlflowException:
            # Another sweep may have made it in between.
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    check_artifacts(client, found.artifact_location)
    if found.lifecycle_stage == "deleted":
        raise TrackingError(
            f"the MLflow experiment must not be deleted, got {name!r}: restore it with "
            f"`mlflow experiments restore --experiment-id {found.experiment_id}`"
        )
    return str(found.experiment_id)


def _artifacts(experiment: str, uri: str) -> str | None:
    """Where the artifacts of a new ``experiment`` go; None leaves it to MLflow.

    MLflow puts those of a database into the working directory, whose path it then reads as if it were a URI's.
    """
    folder = Path.cwd() / "mlruns" / experiment
    return folder.as_uri() if not _is_server(uri) and re.search(r"[%?#]", str(folder)) else None


def check_artifacts(client: Any, location: str) -> None:
    """See that what a store says of ``location`` sends nothing to another place's server. Raises `TrackingError`.

    A database may be a stranger's; MLflow would send the user's password to the server that it names.
    """
    if _is_server(location) and not _is_server(client.tracking_uri):
        raise TrackingError(
            f"an MLflow store that is not a server must keep artifacts in local files, got some at {redact(location)}: "
            "name that server with --tracking-uri"
        )


def _is_server(uri: str) -> bool:
    return uri.startswith(("http://", "https://"))
