"""Trackers without MLflow: one that keeps nothing, and one for the tests of those who call a tracker."""

import threading

from pgan_ray.tracking.events import Event
from pgan_ray.tracking.protocol import Tracker


class NullTracker(Tracker):
    """Keeps nothing."""

    def check(self) -> None:
        """As `Tracker.check`."""

    def put(self, event: Event) -> None:
        """Forget one event."""

    def close(self, timeout_s: float) -> int:
        """As `Tracker.close`."""
        return 0


class MemoryTracker(NullTracker):
    """Keeps every event in ``events``, in order."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._lock = threading.Lock()

    def put(self, event: Event) -> None:
        """Keep one event."""
        with self._lock:
            self.events.append(event)
