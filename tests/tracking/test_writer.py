import threading
import time

import pytest

from pgan_ray.tracking import writer as writer_module
from pgan_ray.tracking.events import Event, GeneratorFinished, SweepFinished, SweepStarted, Training, coalesce
from pgan_ray.tracking.writer import Writer, one_line

ROW = {"iteration": 1, "timestamp_ms": 1}


class Target:
    """Takes events, unless it is away or refuses some."""

    def __init__(self) -> None:
        self.delivered: list[Event] = []
        self.attempts = 0
        self.away = False
        self.refused: list[Event] = []
        self.finished = threading.Event()
        self.writer = Writer(self.publish, reachable=lambda: not self.away, finish=self.finished.set)

    def publish(self, event: Event) -> None:
        self.attempts += 1
        if self.away:
            raise ConnectionError("no route to http://a:secret@host")
        if event in self.refused:
            raise ValueError("refused\nand more")
        self.delivered.append(event)


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setattr(writer_module, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(writer_module, "LONGEST_PAUSE_S", 0.02)
    monkeypatch.setattr(writer_module, "GATHER_S", 0.05)
    return Target()


def events(count: int) -> list[Event]:
    return [GeneratorFinished("c", replicate) for replicate in range(count)]


def test_events_arrive_in_order_then_it_finishes(target: Target) -> None:
    for event in events(50):
        target.writer.put(event)
    assert target.writer.close(5) == 0
    assert target.delivered == events(50)
    assert target.finished.is_set()


def test_training_rows_are_merged_by_replicate() -> None:
    queue = [Training("c", 0, (ROW,)), Training("c", 1, (ROW,)), SweepStarted(), Training("c", 0, (ROW, ROW))]
    assert coalesce(queue) == [
        Training("c", 0, (ROW, ROW, ROW), count=2),
        Training("c", 1, (ROW,)),
        SweepStarted(),
    ]


def test_live_rows_wait_for_more_of_them(target: Target) -> None:
    for _ in range(20):
        target.writer.put(Training("c", 0, (ROW,)))
    assert target.writer.close(5) == 0
    assert sum(event.count for event in target.delivered if isinstance(event, Training)) == 20
    assert len(target.delivered) <= 3


def test_an_outage_is_waited_out(target: Target, caplog: pytest.LogCaptureFixture) -> None:
    target.away = True
    for event in events(3):
        target.writer.put(event)
    while target.attempts < 10:
        time.sleep(0.01)
    target.away = False
    assert target.writer.close(5) == 0
    assert target.delivered == events(3)
    lines = [entry.getMessage() for entry in caplog.records]
    assert lines == [
        "MLflow does not answer, trying again until it does: no route to http://***@host",
        "MLflow answers again",
    ]


def test_a_refused_event_is_given_up_and_said_once(target: Target, caplog: pytest.LogCaptureFixture) -> None:
    target.refused = events(2)[1:]
    for event in events(3):
        target.writer.put(event)
    assert target.writer.close(5) == 1
    assert target.delivered == [events(3)[0], events(3)[2]]
    assert target.attempts == 2 + writer_module.ATTEMPTS
    assert [entry.getMessage() for entry in caplog.records] == ["MLflow did not accept the generator c/r1: refused"]


def test_closing_does_not_wait_longer_than_told(target: Target) -> None:
    target.away = True
    for event in [*events(3), Training("c", 0, (ROW,)), Training("c", 0, (ROW,)), SweepFinished("complete")]:
        target.writer.put(event)
    start = time.monotonic()
    assert target.writer.close(0.3) == 6
    assert time.monotonic() - start < 1


def test_closing_returns_though_a_call_hangs(target: Target) -> None:
    release = threading.Event()
    writer = Writer(lambda event: release.wait(10) and None, reachable=lambda: True, finish=lambda: None)
    writer.put(SweepStarted())
    start = time.monotonic()
    assert writer.close(0.2) == 1
    assert time.monotonic() - start < 1
    release.set()


def test_events_after_closing_are_counted(target: Target) -> None:
    assert target.writer.close(1) == 0
    target.writer.put(SweepStarted())
    assert target.writer.close(1) == 1


def test_live_rows_of_a_long_outage_are_bounded(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "MAX_LIVE_ROWS", 10)
    target.away = True
    target.writer.put(SweepStarted())
    while target.attempts == 0:
        time.sleep(0.01)
    for iteration in range(1000):
        target.writer.put(Training("c", 0, ({"iteration": iteration, "timestamp_ms": 1},)))
    target.away = False
    assert target.writer.close(5) == 0
    rows = [row for event in target.delivered if isinstance(event, Training) for row in event.rows]
    assert 5 <= len(rows) <= 10
    assert [row["iteration"] for row in rows] == list(range(1000))[-len(rows) :]


def test_an_error_becomes_one_line_without_secrets() -> None:
    assert one_line(ValueError("at postgresql://me:secret@db/x\nmore")) == "at postgresql://***@db/x"
    assert one_line(KeyError()) == "KeyError"
    assert "secret" not in one_line(ValueError(490 * "x" + " http://me:secret@host"))
