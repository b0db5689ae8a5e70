"""A small sweep's directory and empty MLflow stores."""

import os
from pathlib import Path

import pytest

from pgan_ray.results import Store
from pgan_ray.spec import SweepRecord
from pgan_ray.tracking.connection import connect
from tests.tracking.tracking_sweep import make_record, make_store


@pytest.fixture
def record() -> SweepRecord:
    """Two configurations of two replicates, three poison fractions, two runs."""
    return make_record()


@pytest.fixture
def store(tmp_path: Path, record: SweepRecord) -> Store:
    """The finished sweep's directory."""
    return make_store(tmp_path / "sweep", record)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An empty MLflow database, to be copied: making one takes seconds."""
    folder = tmp_path_factory.mktemp("empty_mlflow")
    here = Path.cwd()
    os.chdir(folder)  # where MLflow puts the experiment's artifacts
    try:
        connect(f"sqlite:///{folder}/mlflow.db", "another")
    finally:
        os.chdir(here)
    return (folder / "mlflow.db").read_bytes()


@pytest.fixture
def sqlite_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: bytes) -> str:
    """An empty store in the test's own working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "mlflow.db").write_bytes(empty_database)
    return f"sqlite:///{tmp_path}/mlflow.db"
