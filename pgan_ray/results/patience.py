"""Trying again where a remote store is away for a while."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

logger = logging.getLogger("pgan_ray.results")

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
GIVE_UP_S = 180.0
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


def patiently(call: Callable[[], T]) -> T:
    """The result of ``call``, tried again with growing pauses while it meets errors that pass."""
    pause, deadline, told = FIRST_PAUSE_S, time.monotonic() + GIVE_UP_S, False
    while True:
        try:
            return call()
        except OSError as error:
            if time.monotonic() > deadline or not any(word in str(error) for word in PASSING):
                raise
            if not told:
                told = True
                logger.warning("the store is away, trying again for %.0f s: %s", GIVE_UP_S, error)
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)
