"""One driver at a time in a sweep's directory: two would train and write the same things twice."""

import json
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgan_ray.errors import SpecError
from pgan_ray.results.redact import reason_of, redact
from pgan_ray.results.store import Store

FILE = "driver.json"
MAX_BYTES = 1 << 16
RENEW_S = 10.0
# A driver whose file does not change for so long is gone. Watched, not computed: hosts' clocks differ.
GONE_S = 45.0
POLL_S = 1.0
# For the thread that renews: somebody waits for the end, and it may sit in a store that is away.
JOIN_S = 2.0

Notice = Callable[[str], None]


@dataclass(frozen=True)
class Holder:
    """Whoever runs a sweep: ``name`` in words, ``beat``, which rises while it lives, and how far it says it is."""

    name: str
    beat: int
    progress: Mapping[str, Any]


def holder_of(store: Store) -> Holder | None:
    """The driver that is at work in ``store``, as far as its file tells; None where there is none, or it died here."""
    found = _read(store)
    if found is None or _died_here(found):
        return None
    beat, progress = found.get("beat"), found.get("progress")
    return Holder(_name(found), beat if type(beat) is int else 0, progress if isinstance(progress, dict) else {})


def left_by(store: Store) -> Mapping[str, Any]:
    """How far the driver said that it was that died in ``store``, on this machine; empty where none did."""
    found = _read(store)
    progress = found.get("progress") if found is not None and _died_here(found) else None
    return progress if isinstance(progress, dict) else {}


def is_lease(store: Store) -> bool:
    """Whether the file in ``store`` that has the name of a driver's is one."""
    holder = _read(store)
    return holder is not None and isinstance(holder.get("token"), str)


class Lease:
    """This process's claim on a directory, renewed by a thread until it is given back.

    ``progress``: how far the work is, which others read with the next renewal.
    """

    def __init__(self, store: Store) -> None:
        self.progress: Mapping[str, Any] = {}
        self._store, self._token = store, secrets.token_hex(8)
        self._beat = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)

    def start(self) -> None:
        """Claim the directory."""
        self._write()
        self._thread.start()

    def confirm(self) -> None:
        """See that no other driver, started at the same moment, has claimed it too. Raises `SpecError`."""
        holder = _read(self._store)
        if holder is not None and holder.get("token") != self._token:
            self._ended.set()
            raise _refusal(self._store, holder)

    def end(self) -> None:
        """Give the directory back, unless somebody else holds it."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)
        holder = _read(self._store)
        if holder is not None and holder.get("token") == self._token:
            with suppress(OSError):  # what stays behind is taken over
                self._store.delete(FILE)

    def _renew(self) -> None:
        while not self._ended.wait(RENEW_S):
            holder = _read(self._store)
            if holder is not None and holder.get("token") != self._token:
                # This process slept, or its store was away, until another one took over: it must not go on.
                os.kill(os.getpid(), signal.SIGINT)
                return
            with suppress(OSError):  # a full disk or a store that is away: the sweep itself meets it as well
                self._write()

    def _write(self) -> None:
        self._beat += 1
        content = {"token": self._token, "beat": self._beat, "host": _host(), "pid": os.getpid()}
        self._store.write(FILE, json.dumps({**content, "progress": dict(self.progress)}).encode())


@contextmanager
def lease(store: Store, notice: Notice) -> Iterator[Lease]:
    """Within: this process alone runs the sweep in ``store``.

    What a driver left that died on this machine is taken over at once; one on another machine is watched first,
    which ``notice`` tells. Raises `SpecError` where another driver is at work.
    """
    holder = _read(store)
    if holder is not None and not _died_here(holder):
        _watch(store, holder, notice)
    mine = Lease(store)
    try:
        mine.start()
    except OSError as error:
        rule = f"must be a file that can be written, got {reason_of(error)}"
        raise SpecError([f"{redact(store.place(FILE))}: {rule}"]) from None
    try:
        yield mine
    finally:
        mine.end()


def _watch(store: Store, holder: dict[str, Any], notice: Notice) -> None:
    notice(f"{_name(holder)} ran this sweep last: checking for {GONE_S:.0f} s whether it still runs it")
    deadline = time.monotonic() + GONE_S
    while time.monotonic() < deadline:
        time.sleep(POLL_S)
        now = _read(store)
        if now is None:
            return
        if now != holder:
            raise _refusal(store, now)


def _refusal(store: Store, holder: dict[str, Any]) -> SpecError:
    return SpecError(
        [
            f"{redact(store.location)}: must be run by one driver at a time, got {_name(holder)}, which runs it now: "
            "wait until that ends, or stop it, or start a new sweep in another directory with --out"
        ]
    )


def _read(store: Store) -> dict[str, Any] | None:
    try:
        content = json.loads(store.read(FILE, MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _died_here(holder: dict[str, Any]) -> bool:
    """Whether the holder was a process of this machine that is no more."""
    pid = holder.get("pid")
    if holder.get("host") != _host() or type(pid) is not int or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _host() -> str:
    """This machine as it runs now, and the processes that it counts as one: containers may share a host's name."""
    parts = [socket.gethostname()]
    with suppress(OSError):  # Linux alone has these
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8])
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)


def _name(holder: dict[str, Any]) -> str:
    return f"process {str(holder.get('pid'))[:20]} on {str(holder.get('host'))[:80]}"
