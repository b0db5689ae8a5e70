"""Which MLflow store `track` and `ui` use, and what they leave alone."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import mlflow
import pytest

from pgan_ray.results import Store
from tests.cli.here import call_here
from tests.tracking.reading import within
from tests.tracking.tracking_sweep import make_record, make_store

PGAN_RAY = [sys.executable, "-m", "pgan_ray"]
ODD = "é a%20b#c?d 100%"
PASSWORD = "it's\"a pass/word"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with a name that URIs have a meaning for, and a finished sweep in it."""
    folder = tmp_path_factory.mktemp("homes") / ODD
    make_store(folder / "out", make_record())
    return folder


@pytest.fixture(autouse=True)
def _there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(home)
    # `ui` becomes MLflow's server: should it do so unasked, it must not become one in the tests' process.
    monkeypatch.setattr(os, "execv", lambda *_: pytest.fail("a server was started"))


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PGAN_RAY, *arguments], capture_output=True, text=True, timeout=240, check=False)


def around(home: Path) -> set[str]:
    """All files in and beside the working directory, but the sweep's."""
    return {
        str(path.relative_to(home.parent))
        for path in home.parent.rglob("*")
        if path.is_file() and home / "out" not in path.parents
    }


def test_looking_makes_no_store(home: Path) -> None:
    elsewhere = (f"sqlite:///{home.parent}/other/mlflow.db", f"sqlite:///{300 * 'x'}.db")
    for arguments in (["ui"], ["ui", "out"], *(["ui", "--tracking-uri", uri] for uri in elsewhere)):
        ended = call_here(*arguments)
        assert ended.returncode == 2, ended.stderr
        assert "the MLflow store must exist, got none at" in ended.stderr
        assert "Traceback" not in ended.stderr
    assert around(home) == set()


def test_a_port_in_use_is_one_error(home: Path) -> None:
    with socket.socket() as used:
        used.bind(("127.0.0.1", 0))
        used.listen()
        port = used.getsockname()[1]
        ended = call_here("ui", "--port", str(port))
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"error: --port: must be free on 127.0.0.1, got {port} (")


@pytest.mark.parametrize("command", ["track", "ui", "resume"])
def test_a_directorys_own_uri_gets_no_token_and_makes_no_file(
    home: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "tracking-hunter2"
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", token)
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        for kept in (
            f"http://127.0.0.1:{stranger.getsockname()[1]}",
            f"sqlite:///{home.parent}/outside/mlflow.db",
        ):
            record = make_record()
            record.facts["tracking_uri"] = kept
            Store("received").write("sweep.yaml", record.to_yaml().encode())
            ended = call_here(command, "received")
            assert ended.returncode == 2, ended.stderr
            told = f"--tracking-uri: must be given for a sweep whose directory says that it was tracked in {kept}"
            assert told in ended.stderr
            assert token not in ended.stderr
        stranger.settimeout(0)
        with pytest.raises(BlockingIOError):
            stranger.accept()
    assert around(home) == {f"{ODD}/received/sweep.yaml"}
    Path("received/sweep.yaml").unlink()
    Path("received").rmdir()


def test_errors_of_clients_tell_no_password(home: Path) -> None:
    for scheme in ("http", "postgresql"):
        ended = call("track", "out", "--tracking-uri", f"{scheme}://me:{PASSWORD}@127.0.0.1:9/mlflow")
        assert ended.returncode == 2, ended.stderr
        assert "Traceback" not in ended.stderr
        for secret in (PASSWORD, "pass/word", "it's", "word@"):
            assert secret not in ended.stdout + ended.stderr


@pytest.mark.cluster
def test_the_default_store_its_artifacts_and_its_ui_are_in_a_directory_of_any_name(home: Path) -> None:
    tracked = call("track", "out")
    assert tracked.returncode == 0, tracked.stderr
    assert (home / "mlflow.db").stat().st_mode & 0o777 == 0o600
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [*PGAN_RAY, "ui", "out", "--port", str(port)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        assert server in process.stdout.readline()
        assert f"the runs: {server}/#/experiments/" in process.stdout.readline()
        link = process.stdout.readline()
        assert f"the sweep's error curves: {server}/#/metric?runs=" in link
        deadline = time.monotonic() + 240
        while True:
            try:
                with urllib.request.urlopen(f"{server}/health", timeout=1):
                    break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.3)
        client = mlflow.MlflowClient(server)
        experiment = client.get_experiment_by_name("pgan-ray")
        runs = {within(run): run.info.run_id for run in client.search_runs([experiment.experiment_id])}
        assert all(runs[configuration.id] in link for configuration in make_record().sweep.configurations)
        assert "sweep.yaml" in {file.path for file in client.list_artifacts(runs[make_record().id])}
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    assert {name for name in around(home) if not name.startswith(f"{ODD}/mlruns/")} == {f"{ODD}/mlflow.db"}
