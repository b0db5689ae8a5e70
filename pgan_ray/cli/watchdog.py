"""An end within a stated time once a signal has asked for it, whatever hangs: a file system, a pipe, a library."""

import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# More than all ordinary ends together: what is running, the summary, MLflow's last events, Ray's own end. A pod that is
# evicted has less, and is killed for it, which loses as little: rows are written whole.
LONGEST_END_S = 45.0
# So long after the first signal a second one is heard: some terminals and launchers send one twice.
AGAIN_AFTER_S = 5.0
SAY_S = 1.0
WORDS = "shutting down took too long and was cut short; what is finished is kept\n"
SHOW_CURSOR = "\x1b[?25h"


@contextmanager
def watched() -> Iterator[None]:
    """Within, and afterwards too if a signal came: SIGINT, or SIGTERM where it is handled, ends this process.

    That is `LONGEST_END_S` later at most, or at a second signal. Python's own handlers run between two of its
    instructions: never, while the main thread waits in a library. So what C tells of a signal is read by a thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are another one's matter
        return
    reads, writes = socket.socketpair()
    writes.setblocking(False)
    before = signal.set_wakeup_fd(writes.fileno(), warn_on_full_buffer=False)
    asked = threading.Event()
    threading.Thread(target=_watch, args=(reads, asked), name="watchdog", daemon=True).start()
    try:
        yield
    finally:
        if asked.is_set():
            writes.detach()  # what comes after this may hang as well
        else:
            signal.set_wakeup_fd(before)
            writes.close()


def _watch(reads: socket.socket, asked: threading.Event) -> None:
    first = _next_signal(reads, None)
    if not first:
        reads.close()
        return
    asked.set()
    since = time.monotonic()
    while (left := since + LONGEST_END_S - time.monotonic()) > 0:
        if _next_signal(reads, left) and time.monotonic() - since > AGAIN_AFTER_S:
            break
    # In a thread: nobody may read the pipe that standard error is.
    saying = threading.Thread(target=_say, daemon=True)
    saying.start()
    saying.join(SAY_S)
    os._exit(128 + first)


def _next_signal(reads: socket.socket, timeout_s: float | None) -> int:
    """The next one that asks for an end; 0 where none comes in time, or none will come any more."""
    end = None if timeout_s is None else time.monotonic() + timeout_s
    while True:
        left = None if end is None else max(0.0, end - time.monotonic())
        if not select.select([reads], [], [], left)[0]:
            return 0
        received = reads.recv(1)  # one at a time: two that have come by now are two
        if not received:
            time.sleep(left or 0.0)
            return 0
        if received[0] in (signal.SIGINT, signal.SIGTERM):
            return received[0]


def _say() -> None:
    with suppress(OSError, ValueError, AttributeError):  # it may be closed, or none at all
        number = sys.stderr.fileno()
        os.write(number, ((SHOW_CURSOR if os.isatty(number) else "") + WORDS).encode())
        sys.stdout.flush()
