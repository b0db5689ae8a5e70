"""Trying again where a remote store is away for a while.

pyarrow has a retry strategy for S3 (`AwsStandardS3RetryStrategy`), which `Store` turns off: it waits inside a C++ call,
so that neither Ctrl-C nor `shorten_retries` could end it, and a call to a server that accepts and says nothing takes
99 s.
Every other of its errors has a text and no code: hence `PASSING`, which holds names of the AWS client's, not prose.
"""

import errno
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import ContextVar
from typing import TypeVar

logger = logging.getLogger("pgan_ray.results")

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
GIVE_UP_S = 180.0
# Before anything starts, somebody waits to be told: tries for so long, and a word after so long whatever hangs.
START_S, ANSWER_S = 12.0, 25.0
SHORTENED_S = 2.0
LOOK_S = 0.25  # how soon a pause ends where this process is to end
# What the AWS client calls errors that pass. Others, such as a missing bucket, would be the same again.
PASSING = (
    "SLOW_DOWN",
    "SERVICE_UNAVAILABLE",
    "INTERNAL_FAILURE",
    "INTERNAL_SERVER_ERROR",
    "THROTTLING",
    "REQUEST_TIMEOUT",
    "NETWORK_CONNECTION",
    "HTTP status 5",
)

T = TypeVar("T")
_shortened = threading.Event()
_patience_s = ContextVar("patience_s", default=GIVE_UP_S)


def shorten_retries(on: bool = True) -> None:
    """From now on give up soon: somebody waits for the end of this process."""
    _shortened.set() if on else _shortened.clear()


def retrying(call: Callable[[], T]) -> T:
    """The result of ``call``, tried again with growing pauses while it meets errors that pass."""
    pause, start, told = FIRST_PAUSE_S, time.monotonic(), False
    while True:
        try:
            return call()
        except OSError as error:
            give_up_s = SHORTENED_S if _shortened.is_set() else _patience_s.get()
            if time.monotonic() - start > give_up_s or not any(word in str(error) for word in PASSING):
                raise
            if not told:
                told = True
                logger.warning("the store does not answer, trying again for %.0f s: %s", give_up_s, error)
        _pause(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)


def promptly(call: Callable[[], T]) -> T:
    """The result of ``call``, which asks a store before anything starts; ends within `ANSWER_S`, whatever it meets.

    A call that hangs, as on a network's file system, is left to a thread that ends with the process. Raises `OSError`
    where nothing answers.
    """
    answer: Future[T] = Future()

    def ask() -> None:
        _patience_s.set(START_S)  # of this thread alone
        try:
            answer.set_result(call())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=ask, name="store, at the start", daemon=True).start()
    if not wait([answer], ANSWER_S).done:
        raise OSError(errno.ETIMEDOUT, f"no answer in {ANSWER_S:.0f} s")
    return answer.result()


def _pause(seconds: float) -> None:
    # In slices, as signal handlers call `shorten_retries`: an event that their own thread waits for would block them.
    end, shortened = time.monotonic() + seconds, _shortened.is_set()
    while (left := end - time.monotonic()) > 0 and _shortened.is_set() == shortened:
        time.sleep(min(LOOK_S, left))
