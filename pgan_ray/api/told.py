"""Telling other processes how far a sweep is, beside whoever watches it here."""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from pgan_ray.results import Lease
from pgan_ray.runner import ProgressDisplay, SweepState
from pgan_ray.runner.progress import snapshot

EVERY_S = 2.0


class Told:
    """A `ProgressDisplay` that hands on to another one, and now and then says the same in the sweep's lease.

    ``first`` is called before the first update, by when the first actors have been asked for.
    """

    def __init__(self, shown: ProgressDisplay, lease: Lease, *, first: Callable[[], None] | None = None) -> None:
        self._shown, self._lease, self._first, self._said_at = shown, lease, first, float("-inf")

    def __enter__(self) -> "Told":
        self._each("__enter__")
        return self

    def __exit__(self, *error: object) -> None:
        self._each("__exit__", *error)

    def _each(self, name: str, *arguments: Any) -> None:
        """A display that is live is entered and left."""
        method = getattr(self._shown, name, None)
        if method is not None:
            method(*arguments)

    def notice(self, text: str) -> None:
        """As `ProgressDisplay.notice`."""
        self._shown.notice(text)

    def update(self, state: SweepState, slots: int) -> None:
        """As `ProgressDisplay.update`."""
        first, self._first = self._first, None
        if first is not None:
            first()
        self._shown.update(state, slots)
        now = time.monotonic()
        if now - self._said_at >= EVERY_S:
            self._said_at = now
            self._lease.progress = asdict(snapshot(state, slots))
