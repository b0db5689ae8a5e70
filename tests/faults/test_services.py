"""What a sweep stands on goes away for a while: S3, MLflow, the disk. And a sweep on services as clusters have them."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pgan_ray.report import write_report
from pgan_ray.results import Store, read_record
from tests.faults.services import Command, call, scores, sweep, tracked
from tests.mlflow_server import MlflowServer
from tests.postgres import Postgres
from tests.s3_server import CREDENTIALS, S3Server
from tests.tiny import CELLS, CONFIGURATIONS, GENERATORS, write_tiny

pytestmark = pytest.mark.cluster

RUNS = 1 + CONFIGURATIONS + GENERATORS
# Of a disk: more than the sweep needs.
ROOM = "16m"
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A working directory with the tiny sweep in it."""
    write_tiny(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The rows of a sweep that nothing happens to, and that no MLflow is asked about."""
    folder = tmp_path_factory.mktemp("undisturbed")
    write_tiny(folder)
    ended = call(*sweep("out", "--offline-tracking"), home=folder, environment={"MLFLOW_TRACKING_URI": NOBODY})
    assert ended.code == 0, ended.err
    found = scores(Store(folder / "out"))
    assert len(found) == CELLS
    return found


@pytest.fixture(scope="module")
def s3_server() -> Iterator[S3Server]:
    """An S3 server, whose keys are in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        server = S3Server()
        yield server
        server.stop()


def test_a_sweep_on_postgresql_and_s3_is_interrupted_and_resumed(
    home: Path, s3_server: S3Server, undisturbed: list[dict[str, Any]]
) -> None:
    bucket = s3_server.bucket()
    artifacts = Store(f"s3://{bucket}/artifacts{s3_server.options}")
    database = Postgres()
    server = MlflowServer(
        home,
        store=database.uri,
        artifacts=f"s3://{bucket}/artifacts",
        environment={"MLFLOW_S3_ENDPOINT_URL": s3_server.address},
    )
    try:
        server.start()
        out = Store(f"s3://{bucket}/sweeps/one{s3_server.options}")
        with Command(*sweep(out.location, "--tracking-uri", server.uri), home=home) as command:
            command.until(lambda: out.names("victims"))
            command.interrupt()
            assert command.end().code == 130, command.says()
        assert "RUNNING" not in {run.status for run in tracked(server.uri, out)}

        resumed = call("resume", out.location, "--tracking-uri", server.uri, home=home)
        assert resumed.code == 0, resumed.err
        assert scores(out) == undisturbed
        runs = tracked(server.uri, out)
        assert len({run.name for run in runs}) == len(runs) == RUNS
        assert {run.status for run in runs} == {"FINISHED"}
        (parent,) = (run for run in runs if run.name.startswith("tiny-"))
        assert [name for name in artifacts.names("") if f"/{parent.id}/" in name and name.endswith("report/index.html")]
        assert sorted(path.name for path in home.iterdir()) == ["server.log", "tiny.yaml"], "all of it is elsewhere"
    finally:
        server.kill()
        database.stop()


def test_an_overloaded_s3_is_waited_for(home: Path, s3_server: S3Server, undisturbed: list[dict[str, Any]]) -> None:
    out = Store(f"s3://{s3_server.bucket()}/sweep{s3_server.options}")

    def is_there(folder: str, ending: str) -> bool:
        return bool(out.names(folder, ending))

    # A trial may meet the first 503, and no second one.
    arguments = sweep(out.location, "--offline-tracking", "--set", "resources.max_failures=1")
    with Command(*arguments, home=home) as command:
        # While trials bring their checkpoints; and while there are rows to write as well.
        for folder, ending, seconds in (("tune", "state.safetensors", 20), ("victims", ".parquet", 10)):
            command.until(lambda: is_there(folder, ending))  # noqa: B023 - called at once
            before = len(s3_server.refused())
            with s3_server.overloaded():
                time.sleep(seconds)
            assert len(s3_server.refused()) > before
        ended = command.end()
    assert ended.code == 0, ended.err
    assert "the store does not answer, trying again" in ended.err
    assert scores(out) == undisturbed


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(place)]
    if not sys.platform.startswith("linux") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_told_and_costs_nothing_that_was_finished(home: Path, disk: Path) -> None:
    out = Store(disk / "out")
    # Victims that take longer, one after the other: most of them are to come when the disk is full.
    slow = ("--set", "evaluation.victim.epochs=1000", "--set", "resources.evaluator.members_per_actor=1")
    with Command(*sweep(out.location, *slow, "--offline-tracking", "--json"), home=home) as command:
        command.until(lambda: out.names("victims", ".parquet"))
        while command.runs:  # what is deleted makes room again
            fill(disk / "ballast")
            time.sleep(0.1)
        ended = command.end()
    assert ended.code == 1, ended.err
    assert f"{out.location}: must have free space left, got [Errno 28] No space left on device" in ended.err
    assert f"pgan-ray resume {out.location}" in ended.err

    kept = scores(out)  # every file of rows is whole
    assert 0 < len(kept) < CELLS
    for name in out.names("generators", "record.json"):
        assert read_record(out, name.split("/")[1], int(name.split("/")[2].removeprefix("r"))) is not None
    write_report(out, Store(home / "report"))

    (disk / "ballast").unlink()
    resumed = call("resume", out.location, "--offline-tracking", home=home)
    assert resumed.code == 0, resumed.err
    rows = scores(out)
    assert len(rows) == CELLS
    assert [row for row in rows if row["cell_id"] in {one["cell_id"] for one in kept}] == kept


def fill(ballast: Path) -> None:
    """Let ``ballast`` take what room is left."""
    with ballast.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 12))
        except OSError:
            return


def test_mlflow_is_caught_up_with_when_it_comes_back(
    home: Path, mlflow_server: MlflowServer, undisturbed: list[dict[str, Any]]
) -> None:
    out = Store(home / "out")
    with Command(*sweep(out.location, "--tracking-uri", mlflow_server.uri), home=home) as command:
        command.until(lambda: out.names("tune", "state.safetensors"))
        mlflow_server.kill()
        try:
            command.until(lambda: out.names("victims", ".parquet"))
            command.until(lambda: "MLflow does not answer" in command.says())
        finally:
            mlflow_server.start()
        ended = command.end()
    assert ended.code == 0, ended.err
    assert "MLflow answers again" in ended.err
    assert "did not accept" not in ended.err
    assert scores(out) == undisturbed
    live = tracked(mlflow_server.uri, out)
    assert len(live) == RUNS
    assert {run.status for run in live} == {"FINISHED"}
    assert call("track", "out", "--tracking-uri", mlflow_server.uri, home=home).code == 0
    assert tracked(mlflow_server.uri, out) == live, "nothing was missing"


def test_mlflow_that_stays_away_is_sent_the_sweep_afterwards(home: Path, mlflow_server: MlflowServer) -> None:
    out = Store(home / "out")
    # The command itself, less patient in the end: nobody comes back.
    impatient = "import pgan_ray.api.run as run; run.DELIVER_S = 5; from pgan_ray.cli import main; main()"
    program = (sys.executable, "-c", impatient)
    with Command(*sweep("out", "--tracking-uri", mlflow_server.uri), home=home, program=program) as command:
        command.until(lambda: out.names("generators", "record.json"))
        mlflow_server.kill()
        try:
            ended = command.end()
        finally:
            mlflow_server.start()
    assert ended.code == 0, ended.err
    assert (
        f"events; nothing is lost: send them with `pgan-ray track {out.location} --tracking-uri {mlflow_server.uri}`"
        in ended.err
    )
    assert "Traceback" not in ended.err
    assert len(scores(out)) == CELLS

    assert call("track", "out", "--tracking-uri", mlflow_server.uri, home=home).code == 0
    once = tracked(mlflow_server.uri, out)
    assert len(once) == RUNS
    assert {run.status for run in once} == {"FINISHED"}
    assert call("track", "out", "--tracking-uri", mlflow_server.uri, home=home).code == 0
    assert tracked(mlflow_server.uri, out) == once
