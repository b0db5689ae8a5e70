"""The command in a process of its own, as a user runs it: looked at from outside, and killed."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import psutil

PATIENCE_S = 300.0  # no test depends on it, but for one that would never end
LOOK_S = 0.1
Found = TypeVar("Found")


class Command:
    """``python -m pgan_ray ARGUMENTS`` in the working directory ``home``, from now on."""

    def __init__(self, home: Path, *arguments: str, cores: Sequence[int] | None = None) -> None:
        """``cores``: the only ones that it may use."""
        self._log = home / "command.log"
        self._orphans: list[psutil.Process] = []
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pgan_ray", *arguments],
                stdout=log,
                stderr=log,
                cwd=home,
                start_new_session=True,
                preexec_fn=None if cores is None else lambda: os.sched_setaffinity(0, cores),
            )

    @property
    def said(self) -> str:
        """All that was printed so far, by those before it in ``home`` too."""
        return self._log.read_text()

    def wait_for(self, look: Callable[[], Found | None]) -> Found:
        """Look until something is found, which must be before the command ends."""
        deadline = time.monotonic() + PATIENCE_S
        while (found := look()) is None:
            assert self._process.poll() is None, f"the command ended before:\n{self.said}"
            assert time.monotonic() < deadline, self.said
            time.sleep(LOOK_S)
        return found

    def end(self) -> int:
        """Wait for its end; its exit code."""
        return self._process.wait(PATIENCE_S)

    def kill_after(self, seconds: float) -> bool:
        """Kill it, and not what it has started, unless it ends before; whether it was killed."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
            return False
        self._orphans = psutil.Process(self._process.pid).children(recursive=True)
        self._process.kill()
        self._process.wait()
        return True

    def outlived_by(self) -> list[psutil.Process]:
        """What it had started when it was killed, and is there still after a while; ended now."""
        _, alive = psutil.wait_procs(self._orphans, timeout=60)
        for process in alive:
            process.kill()
        return list(alive)
