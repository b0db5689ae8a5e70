"""A tracker that keeps its events, for the tests of those who call one."""

import threading

from pgan_ray.tracking.calls import EventCalls
from pgan_ray.tracking.events import Event


class MemoryTracker(EventCalls):
    """Keeps every event in ``events``, in order."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._lock = threading.Lock()

    def check(self) -> None:
        """As `Tracker.check`."""

    def put(self, event: Event) -> None:
        """Keep one event."""
        with self._lock:
            self.events.append(event)

    def close(self, timeout_s: float) -> int:
        """As `Tracker.close`."""
        return 0
