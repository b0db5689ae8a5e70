"""Real faults: a worker process that is killed, found by the name that Ray gives it."""

import os
import signal
from collections.abc import Callable

import psutil

from pgan_ray.runner import SweepState


class KillOnce:
    """A progress that kills one worker process whose title holds ``title``, once ``when`` the state says so."""

    def __init__(self, title: str, when: Callable[[SweepState], bool]) -> None:
        self._title, self._when = title, when
        self.killed: int | None = None
        self.notices: list[str] = []

    def notice(self, text: str) -> None:
        """Kept."""
        self.notices.append(text)

    def update(self, state: SweepState, slots: int) -> None:
        """Kill, at the right time."""
        if self.killed is None and self._when(state):
            for process in psutil.Process().children(recursive=True):
                if self._title in " ".join(process.cmdline()):
                    self.killed = process.pid
                    os.kill(process.pid, signal.SIGKILL)
                    return
