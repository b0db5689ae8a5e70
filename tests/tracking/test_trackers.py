"""The contract of every `Tracker`, then what only the MLflow one does."""

import logging
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from pgan_ray.errors import TrackingError
from pgan_ray.results import Store
from pgan_ray.spec import SweepRecord
from pgan_ray.tracking import MemoryTracker, MlflowTracker, NullTracker, Tracker, rebuild, writer
from pgan_ray.tracking.events import GeneratorFinished, SweepFinished, SweepStarted, Training
from tests.tracking.reading import Reader
from tests.tracking.tracking_sweep import (
    ITERATIONS,
    START_MS,
    make_record,
    make_store,
    training_rows,
    write_cells,
    write_replicate,
)

SWEEP = "tiny-0001"


def whole_sweep(tracker: Tracker, record: SweepRecord) -> None:
    """All events of a sweep that goes well."""
    tracker.sweep_started()
    for configuration in record.sweep.configurations:
        for row in range(len(ITERATIONS)):
            for replicate in (0, 1):
                tracker.training(configuration.id, replicate, training_rows(replicate)[row : row + 1])
        for replicate in (0, 1):
            tracker.generator_finished(configuration.id, replicate)
        tracker.configuration_finished(configuration.id)
    tracker.sweep_finished("complete")


@pytest.fixture(params=["null", "memory", "mlflow"])
def tracker(request: pytest.FixtureRequest, store: Store, record: SweepRecord, sqlite_uri: str) -> Tracker:
    trackers: dict[str, Tracker] = {
        "null": NullTracker(),
        "memory": MemoryTracker(),
        "mlflow": MlflowTracker(store, record, tracking_uri=sqlite_uri),
    }
    return trackers[request.param]


def test_a_whole_sweep_is_delivered(tracker: Tracker, record: SweepRecord) -> None:
    tracker.check()
    whole_sweep(tracker, record)
    assert tracker.close(60) == 0


def test_events_may_come_twice(tracker: Tracker, record: SweepRecord) -> None:
    whole_sweep(tracker, record)
    whole_sweep(tracker, record)
    assert tracker.close(60) == 0


def test_events_come_from_any_thread(tracker: Tracker, record: SweepRecord) -> None:
    threads = [threading.Thread(target=whole_sweep, args=(tracker, record)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tracker.close(60) == 0


def test_events_return_at_once(tracker: Tracker, record: SweepRecord) -> None:
    start = time.monotonic()
    whole_sweep(tracker, record)
    assert time.monotonic() - start < 0.5
    tracker.close(60)


def test_closing_twice_and_with_nothing_to_do(tracker: Tracker) -> None:
    assert tracker.close(1) == 0
    assert tracker.close(1) == 0


def test_memory_keeps_the_events_in_order() -> None:
    tracker = MemoryTracker()
    tracker.sweep_started()
    tracker.training("c", 0, [{"iteration": 1}])
    tracker.generator_finished("c", 0)
    tracker.sweep_finished("failed")
    training = Training("c", 0, ({"iteration": 1},))
    assert tracker.events == [SweepStarted(), training, GeneratorFinished("c", 0), SweepFinished("failed")]


def test_live_equals_rebuilt(sqlite_uri: str, store: Store, record: SweepRecord) -> None:
    tracker = MlflowTracker(store, record, tracking_uri=sqlite_uri)
    whole_sweep(tracker, record)
    assert tracker.close(60) == 0
    reader = Reader(sqlite_uri)
    live = reader.everything()
    assert set(reader.statuses().values()) == {"FINISHED"}
    assert len(live) == 7
    assert len(reader.curve("alpha=0.1/r0", "train/generator_loss")) == len(ITERATIONS)
    rebuild(store, record, tracking_uri=sqlite_uri)
    assert reader.everything() == live


def test_training_shows_while_it_runs(sqlite_uri: str, tmp_path: Path, record: SweepRecord) -> None:
    tracker = MlflowTracker(Store(tmp_path / "sweep"), record, tracking_uri=sqlite_uri)
    tracker.check()
    tracker.sweep_started()
    tracker.training("alpha=0.1", 0, training_rows(0)[:2])
    reader = Reader(sqlite_uri)
    deadline = time.monotonic() + 30
    while "alpha=0.1/r0" not in reader.runs() or not reader.curve("alpha=0.1/r0", "train/generator_loss"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert set(reader.statuses().values()) == {"RUNNING"}
    assert reader.curve("alpha=0.1/r0", "train/generator_loss") == [(10, -1.0), (20, -2.0)]
    assert tracker.close(30) == 0
    assert set(reader.statuses().values()) == {"KILLED"}, "nothing may be left running"


def test_interrupted_then_resumed_goes_on_in_the_same_runs(
    sqlite_uri: str, tmp_path: Path, record: SweepRecord
) -> None:
    store = Store(tmp_path / "sweep")
    first = MlflowTracker(store, record, tracking_uri=sqlite_uri)
    first.sweep_started()
    first.training("alpha=0.1", 0, training_rows(0)[:3])
    first.sweep_finished("interrupted")
    assert first.close(60) == 0
    reader = Reader(sqlite_uri)
    interrupted = {name: run.info.run_id for name, run in reader.runs().items()}
    assert set(reader.statuses().values()) == {"KILLED"}

    make_store(tmp_path / "sweep", record)
    second = MlflowTracker(store, record, tracking_uri=sqlite_uri)
    # From a checkpoint, one row back: the iteration comes again, at another time.
    late = [{**row, "timestamp_ms": row["timestamp_ms"] + 60_000} for row in training_rows(0)[2:]]
    second.training("alpha=0.1", 0, late)
    whole_sweep(second, record)
    assert second.close(60) == 0
    assert {name: reader.runs()[name].info.run_id for name in interrupted} == interrupted
    assert set(reader.statuses().values()) == {"FINISHED"}
    steps = [step for step, _ in reader.curve("alpha=0.1/r0", "train/generator_loss")]
    assert steps == list(ITERATIONS)


def test_not_a_number_is_kept_as_such(sqlite_uri: str, tmp_path: Path, record: SweepRecord) -> None:
    tracker = MlflowTracker(Store(tmp_path / "sweep"), record, tracking_uri=sqlite_uri)
    row = training_rows(0)[0]
    tracker.training("alpha=0.1", 0, [{**row, "metrics": {**row["metrics"], "generator_loss": float("nan")}}])
    assert tracker.close(60) == 0
    [(step, value)] = Reader(sqlite_uri).curve("alpha=0.1/r0", "train/generator_loss")
    assert step == 10
    assert value != value


def test_one_bad_event_harms_no_other(
    sqlite_uri: str,
    tmp_path: Path,
    record: SweepRecord,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writer, "FIRST_PAUSE_S", 0.01)
    store = Store(tmp_path / "sweep")
    configuration = record.sweep.configurations[0]
    write_replicate(store, configuration, 1)
    write_cells(store, record, configuration, 1)
    tracker = MlflowTracker(store, record, tracking_uri=sqlite_uri)
    with caplog.at_level(logging.WARNING, "pgan_ray.tracking"):
        tracker.generator_finished("alpha=0.1", 0)  # has no record
        tracker.generator_finished("alpha=0.1", 1)
        assert tracker.close(60) == 1
    assert Reader(sqlite_uri).statuses()["alpha=0.1/r1"] == "FINISHED"
    [line] = [entry.getMessage() for entry in caplog.records]
    assert line.startswith("MLflow did not accept the generator alpha=0.1/r0: a finished generator must have")


def test_locked_database_is_waited_for(sqlite_uri: str, store: Store, record: SweepRecord) -> None:
    tracker = MlflowTracker(store, record, tracking_uri=sqlite_uri)
    tracker.check()
    lock = sqlite3.connect(sqlite_uri.removeprefix("sqlite:///"))
    lock.execute("BEGIN EXCLUSIVE")
    tracker.sweep_started()
    time.sleep(1)
    lock.rollback()
    lock.close()
    assert tracker.close(60) == 0


def test_runs_deleted_by_hand_come_back(sqlite_uri: str, tmp_path: Path, record: SweepRecord) -> None:
    tracker = MlflowTracker(Store(tmp_path / "sweep"), record, tracking_uri=sqlite_uri)
    tracker.check()
    reader = Reader(sqlite_uri)
    tracker.training("alpha=0.1", 0, training_rows(0))
    deadline = time.monotonic() + 30
    while "alpha=0.1/r0" not in reader.runs() or not reader.curve("alpha=0.1/r0", "train/generator_loss"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for name in (SWEEP, "alpha=0.1"):
        reader.client.delete_run(reader.runs()[name].info.run_id)
    make_store(tmp_path / "sweep", record)
    whole_sweep(tracker, record)
    assert tracker.close(60) == 0
    assert set(reader.statuses().values()) == {"FINISHED"}
    runs = reader.runs()
    assert len(runs) == 7
    assert runs["alpha=0.1"].data.tags["mlflow.parentRunId"] == runs[SWEEP].info.run_id
    assert runs["alpha=0.1/r0"].data.tags["mlflow.parentRunId"] == runs["alpha=0.1"].info.run_id


VARIANTS = """
name: tiny
controls: false
dataset: {name: digits}
task: {classes: [3, 5], poison_class: 5, source_class: 3}
attack: {alpha: 0.1, lambda_prior: 0.9, replicates: 2, iterations: 50}
evaluation:
  poison_fractions: [0, 0.125]
  runs: 2
  detector: {percentile: {grid: [0.95, 0.9]}}
"""


def test_variants_and_finer_fractions(sqlite_uri: str, tmp_path: Path) -> None:
    record = make_record(text=VARIANTS)
    store = make_store(tmp_path / "sweep", record)
    tracker = MlflowTracker(store, record, tracking_uri=sqlite_uri)
    whole_sweep(tracker, record)
    assert tracker.close(60) == 0
    reader = Reader(sqlite_uri)
    run = reader.runs()["base"]
    assert [step for step, _ in reader.curve("base", "victim/test_error")] == [0, 125]
    assert [step for step, _ in reader.curve("base", "victim/percentile_0.9/test_error")] == [0, 125]
    assert run.data.tags["pgan.step"] == "poison in tenths of a per cent"
    assert run.data.tags["pgan.variant"] == "percentile=0.95"
    assert run.data.params["evaluation.detector.percentile"] == "0.95 | 0.9"
    assert run.data.params["evaluation.runs"] == "2"
    assert "mlflow.note.content" not in run.data.tags


def test_start_is_the_fact_where_there_is_one(sqlite_uri: str, store: Store, record: SweepRecord) -> None:
    record.facts["started"] = "2023-11-14T22:00:00+00:00"
    rebuild(store, record, tracking_uri=sqlite_uri)
    started = Reader(sqlite_uri).runs()[SWEEP].info.start_time
    assert started == 1_699_999_200_000
    assert started < START_MS


@pytest.mark.parametrize(
    ("uri", "rule"),
    [
        ("sqlite:///{folder}", "unable to open database file"),
        ("http://someone:hunter2@127.0.0.1:1", r"got http://\*\*\*@127.0.0.1:1: Connection refused$"),
        ("file:///tmp/somewhere", "file"),
        ("gopher://somewhere", "gopher"),
    ],
)
def test_unusable_store_is_said_in_one_line(
    store: Store, record: SweepRecord, tmp_path: Path, uri: str, rule: str
) -> None:
    tracker = MlflowTracker(store, record, tracking_uri=uri.format(folder=tmp_path))
    start = time.monotonic()
    with pytest.raises(TrackingError, match=rule) as caught:
        tracker.check()
    assert time.monotonic() - start < 15
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_deleted_experiment_is_said(sqlite_uri: str, store: Store, record: SweepRecord) -> None:
    MlflowTracker(store, record, tracking_uri=sqlite_uri).check()
    reader = Reader(sqlite_uri)
    reader.client.delete_experiment(reader.experiment_id)
    with pytest.raises(TrackingError, match="must not be deleted, got 'pgan-ray': restore it"):
        MlflowTracker(store, record, tracking_uri=sqlite_uri).check()
