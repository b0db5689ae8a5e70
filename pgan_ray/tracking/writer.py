"""The one writer: a thread that takes events from a queue and delivers each, as often as it takes.

Knows nothing of MLflow: ``publish`` delivers one event (twice does no harm), ``reachable`` tells a server
that is away from an event that cannot be delivered.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from pgan_ray.results.redact import redact
from pgan_ray.text import printable, printable_line
from pgan_ray.tracking.events import Event, Training, coalesce, weight

logger = logging.getLogger("pgan_ray.tracking")

ATTEMPTS = 5  # for one event, while the server answers
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
GATHER_S = 1.0  # live training rows wait this long for more of them
# Beyond, during a long outage, the oldest are dropped: a finished generator brings its whole curve once more.
MAX_LIVE_ROWS = 20_000


class Writer:
    """Delivers events in order, on its own thread."""

    def __init__(
        self, publish: Callable[[Event], None], *, reachable: Callable[[], bool], finish: Callable[[], None]
    ) -> None:
        """``finish`` is called last, when all events are delivered or given up."""
        self._publish, self._reachable, self._finish = publish, reachable, finish
        self._changed = threading.Condition()
        self._queue: deque[Event] = deque()
        self._live_rows = 0
        self._urgent = False  # whether the queue holds more than training rows
        self._waiting = 0  # events that were put and neither delivered nor dropped in favour of the file
        self._deadline: float | None = None  # set when closed
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, event: Event) -> None:
        """Take one event; returns at once."""
        with self._changed:
            self._waiting += weight(event)
            if self._deadline is not None:
                return  # closed: counted, never delivered
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="pgan-ray tracking", daemon=True)
                self._thread.start()
            self._queue.append(event)
            if isinstance(event, Training):
                self._live_rows += len(event.rows)
                self._drop_oldest_rows()
            else:
                self._urgent = True
            self._changed.notify()

    def close(self, timeout_s: float) -> int:
        """Deliver what is waiting, for ``timeout_s`` at most; returns the number of events not delivered."""
        with self._changed:
            if self._deadline is None:
                # A part of the time is kept for ending the runs.
                self._deadline = time.monotonic() + 0.8 * timeout_s
            self._closed.set()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout_s)
        with self._changed:
            return self._waiting

    def _drop_oldest_rows(self) -> None:
        if self._live_rows <= MAX_LIVE_ROWS:
            return
        kept: deque[Event] = deque()
        rows = 0
        for event in reversed(self._queue):
            if isinstance(event, Training):
                # Half of them go at once, so that this is not done for each event of a long outage.
                if rows > 0 and rows + len(event.rows) > MAX_LIVE_ROWS // 2:
                    self._waiting -= event.count
                    continue
                rows += len(event.rows)
            kept.appendleft(event)
        self._queue, self._live_rows = kept, rows

    def _run(self) -> None:
        while events := self._take():
            for event in events:
                if self._deliver(event):
                    with self._changed:
                        self._waiting -= weight(event)
        try:
            self._finish()
        except Exception as error:
            logger.warning("MLflow runs may be left open: %s", one_line(error))

    def _take(self) -> list[Event]:
        """Everything in the queue, waiting for something to be there; empty when closed."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._queue) or self._deadline is not None)
            self._changed.wait_for(lambda: self._urgent or self._deadline is not None, GATHER_S)
            events = coalesce(self._queue)
            self._queue.clear()
            self._live_rows, self._urgent = 0, False
            return events

    def _deliver(self, event: Event) -> bool:
        failures, pause, away = 0, FIRST_PAUSE_S, False
        while not self._out_of_time():
            try:
                self._publish(event)
            except Exception as error:
                if self._reachable():
                    failures += 1
                    if failures == ATTEMPTS:
                        logger.warning("MLflow did not accept %s: %s", printable_line(str(event)), one_line(error))
                        return False
                elif not away:
                    away = True
                    logger.warning("MLflow does not answer, trying again until it does: %s", one_line(error))
            else:
                if away:
                    logger.warning("MLflow answers again")
                return True
            self._pause(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
        return False

    def _pause(self, seconds: float) -> None:
        if not self._closed.wait(seconds):
            return
        assert self._deadline is not None  # set before the flag
        time.sleep(max(0.0, min(seconds, self._deadline - time.monotonic())))

    def _out_of_time(self) -> bool:
        return self._deadline is not None and time.monotonic() > self._deadline


def one_line(error: BaseException) -> str:
    """The first line of an error, without secrets."""
    lines = str(error).strip().splitlines()
    return printable(redact(lines[0]))[:500] if lines else type(error).__name__
