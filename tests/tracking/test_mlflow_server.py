"""Over HTTP, against a real server."""

import time

import pytest
from PIL import Image

from pgan_ray.results import Store
from pgan_ray.spec import SweepRecord
from pgan_ray.tracking import MlflowTracker, rebuild
from tests.mlflow_server import MlflowServer
from tests.tracking.reading import Reader
from tests.tracking.test_trackers import whole_sweep
from tests.tracking.tracking_sweep import ITERATIONS, training_rows


def test_a_whole_sweep_over_http(mlflow_server: MlflowServer, store: Store, record: SweepRecord) -> None:
    tracker = MlflowTracker(store, record, tracking_uri=mlflow_server.uri, experiment="whole")
    tracker.check()
    whole_sweep(tracker, record)
    assert tracker.close(120) == 0
    reader = Reader(mlflow_server.uri, "whole")
    live = reader.everything()
    assert len(live) == 7
    assert set(reader.statuses().values()) == {"FINISHED"}
    images = [file for file in reader.artifacts("alpha=0.1/r0") if file.startswith("images/")]
    assert len(images) == 4
    for file in images:  # their names hold `+` and `=`, which a URL would have to survive
        Image.open(reader.download("alpha=0.1/r0", file)).close()
    rebuild(store, record, tracking_uri=mlflow_server.uri, experiment="whole")
    assert reader.everything() == live


@pytest.mark.cluster
def test_nothing_is_lost_when_the_server_dies_and_comes_back(
    mlflow_server: MlflowServer, store: Store, record: SweepRecord, caplog: pytest.LogCaptureFixture
) -> None:
    patient, hasty = (
        MlflowTracker(store, record, tracking_uri=mlflow_server.uri, experiment=name) for name in ("patient", "hasty")
    )
    patient.check()
    hasty.check()
    reader = Reader(mlflow_server.uri, "patient")
    patient.sweep_started()
    patient.training("alpha=0.1", 0, training_rows(0)[:2])
    patient.generator_finished("alpha=0.1", 1)
    deadline = time.monotonic() + 60
    while "alpha=0.1/r1" not in reader.runs():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    mlflow_server.kill()  # in the middle of the generator's files, most likely
    try:
        start = time.monotonic()
        whole_sweep(patient, record)
        assert time.monotonic() - start < 0.5, "an outage must not hold the sweep"

        whole_sweep(hasty, record)
        start = time.monotonic()
        undelivered = hasty.close(3)
        assert time.monotonic() - start < 6
        assert undelivered == 1 + 2 * (2 * len(ITERATIONS) + 2 + 1) + 1
    finally:
        mlflow_server.start()

    assert patient.close(120) == 0
    assert set(reader.statuses().values()) == {"FINISHED"}
    assert len(reader.runs()) == 7
    for name in ("alpha=0.1/r0", "alpha=0.1/r1", "alpha=0.9/r1"):
        assert [step for step, _ in reader.curve(name, "train/generator_loss")] == list(ITERATIONS)
        assert len(reader.artifacts(name)) == 6
    assert len(reader.client.search_logged_models([reader.experiment_id])) == 4
    said = [entry.getMessage() for entry in caplog.records if entry.name == "pgan_ray.tracking"]
    assert said[0].startswith("MLflow does not answer")
    assert said[-1] == "MLflow answers again"

    rebuild(store, record, tracking_uri=mlflow_server.uri, experiment="hasty")
    assert len(Reader(mlflow_server.uri, "hasty").runs()) == 7
