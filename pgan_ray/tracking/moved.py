"""Artifacts that were moved or copied with their database: MLflow keeps where they are as absolute paths.

It can keep no others: `SqlAlchemyStore.create_experiment` of MLflow 3.17 makes a relative one absolute.
"""

import os
from contextlib import closing
from pathlib import Path
from typing import Any

from mlflow.utils.file_utils import local_file_uri_to_path

from pgan_ray.errors import TrackingError
from pgan_ray.results.redact import redact

ARTIFACTS = "mlruns"
EFFECTIVE = os.access in os.supports_effective_ids
_LOCATIONS = (("experiments", "artifact_location"), ("runs", "artifact_uri"), ("logged_models", "artifact_location"))


def follow_artifacts(place: Path, uri: str, experiment: str) -> None:
    """Let ``experiment`` find its artifacts beside its sqlite database at ``place``, if they were moved there with it.

    Told by the runs' own folders: those of another database are left alone. ``uri``: the database, for SQLAlchemy.
    Raises `TrackingError` where the database would have to be written for that and cannot be.
    """
    from sqlalchemy import create_engine, inspect, text

    engine = create_engine(uri)
    try:
        if not {table for table, _ in _LOCATIONS} <= set(inspect(engine).get_table_names()):
            return  # an older MLflow's, or none at all: that is told by MLflow
        with closing(engine.connect()) as connection:
            found = connection.execute(
                text("SELECT experiment_id, artifact_location FROM experiments WHERE name = :name"),
                {"name": experiment},
            ).first()
            folders = _folders(found.artifact_location, place.absolute().parent) if found else None
            if found is None or folders is None:
                return
            number: Any = found.experiment_id
            runs = connection.execute(text("SELECT run_uuid FROM runs WHERE experiment_id = :id"), {"id": number})
            if not any((folders[2] / run).is_dir() for run in runs.scalars()):
                return
            old, new, _ = folders
            if not is_writable(place):
                raise TrackingError(
                    "an MLflow store that was moved or copied must be writable, so that the paths of its artifacts can "
                    f"be updated, got a read-only {redact(str(place))} with artifacts in {redact(old)}: copy its "
                    "folder to a place where you can write"
                )
            for table, column in _LOCATIONS:
                connection.execute(
                    text(
                        f"UPDATE {table} SET {column} = :new || substr({column}, length(:old) + 1) "
                        f"WHERE experiment_id = :id AND substr({column}, 1, length(:old)) = :old"
                    ),
                    {"old": old, "new": new, "id": number},
                )
            connection.commit()
    finally:
        engine.dispose()


def is_writable(place: Path) -> bool:
    """Whether the sqlite database at ``place`` can be written: its folder too, for sqlite's journal."""
    return all(os.access(each, os.W_OK, effective_ids=EFFECTIVE) for each in (place, place.absolute().parent))


def _folders(location: str, here: Path) -> tuple[str, str, Path] | None:
    """Of artifacts at ``location``: the folder that they were in and the one ``here``, as MLflow has it, and theirs.

    None where they are in no folder of ours, or there already.
    """
    was = Path(local_file_uri_to_path(location))
    old = location.rstrip("/").rpartition(f"/{ARTIFACTS}/")[0]
    artifacts = here / ARTIFACTS / was.name
    if "://" in old.removeprefix("file://") or not old or was.parent.name != ARTIFACTS or was == artifacts:
        return None
    is_plain = not location.startswith("file:") and not any(sign in str(here) for sign in "%?#")
    return old, here.as_posix() if is_plain else here.as_uri(), artifacts
