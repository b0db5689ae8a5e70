"""A remote store that is away for a while is tried again; other errors are told at once."""

import threading
import time

import pytest

from pgan_ray.results import retry
from pgan_ray.results.retry import promptly, retrying

# As pyarrow 25 words them.
BUSY = "When initiating multiple part upload for key 'x/a' in bucket 'b': AWS Error SLOW_DOWN during ...: x"
AWAY = "When reading information for key 'x/a' in bucket 'b': AWS Error UNKNOWN (HTTP status 503) during HeadObject"
DENIED = "When reading information for key 'x/a' in bucket 'b': AWS Error ACCESS_DENIED during HeadObject operation"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that are made, on a clock that only they move."""
    made: list[float] = []
    monkeypatch.setattr(retry.time, "sleep", made.append)
    monkeypatch.setattr(retry.time, "monotonic", lambda: sum(made))
    return made


def failing(times: int, message: str) -> tuple[list[float], object]:
    """A call that fails at first, and when it was called."""
    calls: list[float] = []

    def call() -> str:
        calls.append(time.monotonic())
        if len(calls) <= times:
            raise OSError(message)
        return "done"

    return calls, call


@pytest.mark.parametrize("message", [BUSY, AWAY])
def test_it_is_tried_again_with_growing_pauses(pauses: list[float], message: str) -> None:
    calls, call = failing(4, message)
    assert retrying(call) == "done"  # type: ignore[arg-type]
    assert calls == [0, 0.5, 1.5, 3.5, 7.5]


def test_it_gives_up(pauses: list[float]) -> None:
    _, call = failing(10_000, BUSY)
    with pytest.raises(OSError, match="SLOW_DOWN"):
        retrying(call)  # type: ignore[arg-type]
    assert retry.GIVE_UP_S < sum(pauses) < retry.GIVE_UP_S + 2 * retry.LONGEST_PAUSE_S


def test_it_gives_up_soon_when_the_process_is_to_end(pauses: list[float]) -> None:
    _, call = failing(10_000, BUSY)
    retry.shorten_retries()
    try:
        with pytest.raises(OSError, match="SLOW_DOWN"):
            retrying(call)  # type: ignore[arg-type]
    finally:
        retry.shorten_retries(False)
    assert sum(pauses) < 2 * retry.SHORTENED_S


def test_a_long_pause_ends_when_the_process_is_to_end(pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    _, call = failing(10_000, BUSY)

    def interrupted(seconds: float) -> None:
        pauses.append(seconds)
        if sum(pauses) > 60:
            retry.shorten_retries()

    monkeypatch.setattr(retry.time, "sleep", interrupted)
    try:
        with pytest.raises(OSError, match="SLOW_DOWN"):
            retrying(call)  # type: ignore[arg-type]
    finally:
        retry.shorten_retries(False)
    assert sum(pauses) < 60 + 2 * retry.LOOK_S


@pytest.mark.parametrize("message", [DENIED, "No space left on device"])
def test_errors_that_stay_are_told_at_once(pauses: list[float], message: str) -> None:
    calls, call = failing(1, message)
    with pytest.raises(OSError, match=message.split("(")[0]):
        retrying(call)  # type: ignore[arg-type]
    assert len(calls) == 1


def test_a_missing_file_is_no_outage(pauses: list[float]) -> None:
    def call() -> bytes:
        raise FileNotFoundError("AWS Error NO_SUCH_KEY (HTTP status 404)")

    with pytest.raises(FileNotFoundError, match="NO_SUCH_KEY"):
        retrying(call)
    assert not pauses


def test_before_anything_starts_it_gives_up_soon(pauses: list[float]) -> None:
    _, call = failing(10_000, BUSY)
    with pytest.raises(OSError, match="SLOW_DOWN"):
        promptly(lambda: retrying(call))  # type: ignore[arg-type]
    assert retry.START_S < sum(pauses) < retry.ANSWER_S
    pauses.clear()
    with pytest.raises(OSError, match="SLOW_DOWN"):
        retrying(call)  # type: ignore[arg-type]
    assert sum(pauses) > retry.GIVE_UP_S, "afterwards it is as patient as ever"


def test_what_hangs_is_told_of_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "ANSWER_S", 0.1)
    ended = threading.Event()
    with pytest.raises(OSError, match="no answer in 0 s"):
        promptly(ended.wait)
    ended.set()
    assert promptly(lambda: 7) == 7
