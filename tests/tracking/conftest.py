"""A small sweep's directory, made by `results`' own functions, and a real MLflow server."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tracking_sweep import make_record, make_store

from pgan_ray.results import Store
from pgan_ray.spec import SweepRecord


class MlflowServer:
    """`mlflow server` on 127.0.0.1, which can be killed and started again on the same data."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder = folder
        self.uri = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
            + ["--workers", "1", "--backend-store-uri", f"sqlite:///{self.folder}/server.db"]
            + ["--artifacts-destination", str(self.folder / "artifacts")],
            stdout=(self.folder / "server.log").open("ab"),
            stderr=subprocess.STDOUT,
            # Its job runner starts more processes, and takes time.
            env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"},
            start_new_session=True,
        )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.uri}/health", timeout=1):
                    return
            except OSError:
                assert self._process.poll() is None, (self.folder / "server.log").read_text()
                time.sleep(0.2)
        raise AssertionError((self.folder / "server.log").read_text())

    def kill(self) -> None:
        """End it at once, with the workers in its session."""
        if self._process is not None:
            os.killpg(self._process.pid, 9)
            self._process.wait()
            self._process = None


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A running server; a test that kills it starts it again."""
    server = MlflowServer(tmp_path_factory.mktemp("mlflow_server"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def record() -> SweepRecord:
    """Two configurations of two replicates, three poison fractions, two runs."""
    return make_record()


@pytest.fixture
def store(tmp_path: Path, record: SweepRecord) -> Store:
    """The finished sweep's directory."""
    return make_store(tmp_path / "sweep", record)


@pytest.fixture(scope="session")
def _migrated(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An empty MLflow database: making one takes seconds."""
    from pgan_ray.tracking.connection import connect

    folder = tmp_path_factory.mktemp("empty_mlflow")
    here = Path.cwd()
    os.chdir(folder)  # or the experiment's artifacts would be below the checkout
    try:
        connect(f"sqlite:///{folder}/mlflow.db", "another")
    finally:
        os.chdir(here)
    return (folder / "mlflow.db").read_bytes()


@pytest.fixture
def sqlite_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _migrated: bytes) -> str:
    """An empty store of its own for one test, in its working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "mlflow.db").write_bytes(_migrated)
    return f"sqlite:///{tmp_path}/mlflow.db"
