"""A working directory that is copied or moved, with its sweeps, MLflow's database and MLflow's artifacts."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.utils.file_utils import local_file_uri_to_path

from pgan_ray.errors import TrackingError
from pgan_ray.results import Store
from pgan_ray.spec import SweepRecord
from pgan_ray.tracking import kept_uri, rebuild, tracking_uri, tracking_uri_of
from pgan_ray.tracking.connection import EXPERIMENT, connect, look
from tests.tracking.reading import Reader


@pytest.mark.parametrize(
    ("file", "sweep", "kept"),
    [
        ("work/mlflow.db", "work/results/a", "sqlite:///../../mlflow.db"),
        ("work/results/a/mlflow.db", "work/results/a", "sqlite:///mlflow.db"),
        ("work/mlflow.db", "data/a", None),
        ("data/mlflow.db", "work/a", None),
        ("data/a/mlflow.db", "data/a", "sqlite:///mlflow.db"),
    ],
)
def test_a_database_that_is_moved_with_the_sweep_is_named_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, sweep: str, kept: str | None
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for name in ("100%/work", "100%/data", "moved/work"):
        (tmp_path / name).mkdir(parents=True)
    home = tmp_path / "100%"
    monkeypatch.chdir(home / "work")
    # A path in a URI: its % is a sign of its own.
    uri = f"sqlite:///{tmp_path}/100%25/{file}"
    found = kept_uri(uri, str(home / sweep))
    assert found == (kept or uri)
    assert tracking_uri_of({"tracking_uri": found}, directory=str(home / sweep), option=uri) == uri
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert tracking_uri_of({"tracking_uri": found}, directory=str(home / sweep)) == uri
    monkeypatch.chdir(tmp_path / "moved/work")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/moved/{file}")
    moved = str(tmp_path / "moved" / sweep)
    if kept:
        assert tracking_uri_of({"tracking_uri": found}, directory=moved) == tracking_uri()
    else:
        with pytest.raises(TrackingError, match="must be given for a sweep whose directory says"):
            tracking_uri_of({"tracking_uri": found}, directory=moved)


def test_a_sweep_on_a_store_of_objects_names_the_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert kept_uri("sqlite:///mlflow.db", "s3://bucket/a") == f"sqlite:///{tmp_path}/mlflow.db"
    assert kept_uri("http://host:5000/", str(tmp_path / "a")) == "http://host:5000"


@pytest.mark.parametrize("name", ["elsewhere", "é a%20b#c?d 100%"])
def test_artifacts_are_found_where_they_were_copied_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: bytes, record: SweepRecord, store: Store, name: str
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    first, copy = tmp_path / "first", tmp_path / name
    first.mkdir()
    (first / "mlflow.db").write_bytes(empty_database)
    monkeypatch.chdir(first)
    rebuild(store, record)
    before = {path for path in first.rglob("*") if path.is_file()}
    shutil.copytree(first, copy)
    monkeypatch.chdir(copy)
    found = look(tracking_uri(), EXPERIMENT)
    assert found is not None
    reader = Reader(found.client.tracking_uri)
    for of_run in reader.runs().values():
        assert copy in Path(local_file_uri_to_path(of_run.info.artifact_uri)).parents
    assert len(reader.artifacts("alpha=0.1/r0")) == 6
    (model, *_) = reader.client.search_logged_models([reader.experiment_id])
    assert Path(local_file_uri_to_path(model.artifact_location), "MLmodel").is_file()
    assert str(copy) in local_file_uri_to_path(model.artifact_location)
    run = reader.client.create_run(reader.experiment_id)
    reader.client.log_text(run.info.run_id, "new", "new.txt")
    assert (copy / "mlruns" / reader.experiment_id / run.info.run_id / "artifacts/new.txt").is_file()
    assert {path for path in first.rglob("*") if path.is_file()} == before
    assert (
        MlflowClient(f"sqlite:///{first}/mlflow.db")
        .get_experiment(reader.experiment_id)
        .artifact_location.startswith(str(first))
    )


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Within, nothing in ``folder`` can be written by anybody: root is nobody meanwhile."""
    places = [folder, *folder.rglob("*")]
    user = os.geteuid()
    for place in places:
        place.chmod(0o555 if place.is_dir() else 0o444)
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        for place in places:
            place.chmod(0o755 if place.is_dir() else 0o644)


def test_a_read_only_database_is_looked_at_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: bytes
) -> None:
    with tempfile.TemporaryDirectory() as open_to_all:
        Path(open_to_all).chmod(0o755)
        first, copy = Path(open_to_all, "first"), Path(open_to_all, "copy")
        first.mkdir()
        (first / "mlflow.db").write_bytes(empty_database)
        monkeypatch.chdir(first)
        uri = f"sqlite:///{first}/mlflow.db"
        connection = connect(uri, EXPERIMENT)
        run = connection.client.create_run(connection.experiment_id)
        connection.client.log_text(run.info.run_id, "text", "text.txt")
        shutil.copytree(first, copy)
        monkeypatch.chdir(tmp_path)  # which nobody else sees
        with read_only(first):
            found = look(uri, EXPERIMENT)
            assert found is not None
            assert found.client.get_run(run.info.run_id).info.run_id == run.info.run_id
            with pytest.raises(TrackingError, match=rf"must be writable, got a read-only {first}/mlflow"):
                connect(uri, EXPERIMENT)
        told = (
            rf"that was moved or copied must be writable, .* got a read-only {copy}/mlflow.db with artifacts in {first}"
        )
        with read_only(copy), pytest.raises(TrackingError, match=told):
            look(f"sqlite:///{copy}/mlflow.db", EXPERIMENT)
        assert look(f"sqlite:///{copy}/mlflow.db", EXPERIMENT) is not None


def test_artifacts_that_are_not_beside_their_database_stay_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: bytes
) -> None:
    for name in ("data", "work"):
        (tmp_path / name).mkdir()
    uri = f"sqlite:///{tmp_path}/data/mlflow.db"
    (tmp_path / "data/mlflow.db").write_bytes(empty_database)
    monkeypatch.chdir(tmp_path / "work")
    connection = connect(uri, EXPERIMENT)
    run = connection.client.create_run(connection.experiment_id)
    connection.client.log_text(run.info.run_id, "text", "text.txt")
    # Of another database that was here before.
    (tmp_path / "data/mlruns" / connection.experiment_id / "0123").mkdir(parents=True)
    again = connect(uri, EXPERIMENT)
    assert again.client.get_experiment(again.experiment_id).artifact_location.startswith(str(tmp_path / "work"))
