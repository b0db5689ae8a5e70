"""Making MLflow's own database, which takes seconds in which much can happen."""

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient

from pgan_ray.errors import TrackingError
from pgan_ray.tracking.connection import connect
from pgan_ray.tracking.runs import KEY_TAG, SWEEP_TAG, Runs


def test_a_process_killed_while_it_makes_the_database_leaves_none_that_is_half_made(tmp_path: Path) -> None:
    place = tmp_path / "kept" / "mlflow.db"
    uri = f"sqlite:///{place}"
    code = "import sys; from pgan_ray.tracking.connection import connect; connect(sys.argv[1], 'pgan-ray')"
    making = subprocess.Popen([sys.executable, "-c", code, uri], cwd=tmp_path)
    deadline = time.monotonic() + 120
    while not any(file.stat().st_size for file in place.parent.glob("*/mlflow.db")):
        assert making.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    making.kill()
    making.wait()
    assert not place.exists()
    (left,) = place.parent.iterdir()
    connect(uri, "pgan-ray")
    assert set(place.parent.iterdir()) == {place, left}  # this one tidies up, and others may be at work
    os.utime(left, (0, 0))
    connect(uri, "pgan-ray")
    assert list(place.parent.iterdir()) == [place]


@pytest.mark.parametrize("column", ["experiments.artifact_location", "runs.artifact_uri"])
def test_a_database_sends_nobodys_password_to_a_server_that_it_names(tmp_path: Path, column: str) -> None:
    uri = f"sqlite:///{tmp_path}/received.db"
    connection = connect(uri, "pgan-ray")
    MlflowClient(uri).create_run(connection.experiment_id, tags={KEY_TAG: "s", SWEEP_TAG: "s"})
    table, _, name = column.partition(".")
    with sqlite3.connect(tmp_path / "received.db") as database:
        database.execute(f"UPDATE {table} SET {name} = 'http://stranger/artifacts'")
    with pytest.raises(
        TrackingError, match="must keep artifacts in local files, got some at http://stranger/artifacts"
    ):
        Runs(connect(uri, "pgan-ray"), "s")
