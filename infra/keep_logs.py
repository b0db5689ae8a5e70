"""Copies the logs of Ray on this machine to where they outlive it: ``python keep_logs.py s3://bucket/logs``.

Once a minute what has changed, and once more when it is told to end by SIGTERM. They lie there in a folder with this
machine's name, which on Kubernetes is the pod's.
"""

import signal
import socket
import sys
import threading
from pathlib import Path

from pgan_ray.results import Store

EVERY_S = 60.0
RAY = Path("/tmp/ray")


class Logs:
    """The logs of all of Ray's sessions below ``ray``, and their copies in ``store``."""

    def __init__(self, ray: Path, store: Store) -> None:
        self._ray, self._store = ray, store
        self._copied: dict[Path, tuple[int, int]] = {}

    def copy(self) -> None:
        """Copy what has changed since the last call. What cannot be read or written is told, and left to the next."""
        for log in sorted(self._ray.glob("session_[0-9]*/logs/**/*")):
            try:
                if log.is_symlink() or not log.is_file():
                    continue
                state = log.stat()
                seen = (state.st_size, state.st_mtime_ns)
                if self._copied.get(log) != seen:
                    self._store.write(log.relative_to(self._ray).as_posix(), log.read_bytes())
                    self._copied[log] = seen
            except OSError as error:
                sys.stderr.write(f"{log}: {error}\n")


def main(to: str) -> None:
    """Copy until SIGTERM."""
    end = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: end.set())
    logs = Logs(RAY, Store(to).below(socket.gethostname()))
    while not end.wait(EVERY_S):
        logs.copy()
    logs.copy()


if __name__ == "__main__":
    main(sys.argv[1])
