"""Running tiny sweeps by any executor, and disturbing them."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from pgan_ray.data import Dataset
from pgan_ray.results import Store
from pgan_ray.runner import Engine, Executor, ProgressDisplay, Silent, SweepOutcome, SweepRun, SweepState
from pgan_ray.spec import Sweep, SweepRecord
from pgan_ray.tracking import MemoryTracker, Tracker

Run = Callable[..., SweepOutcome]


def run_in(
    executor: Executor,
    datasets: dict[str, Dataset],
    sweep: Sweep,
    directory: Path,
    *,
    tracker: Tracker | None = None,
    progress: ProgressDisplay | None = None,
    members: tuple[int, int] = (5, 4),
    engine: Engine | None = None,
    sweep_id: str = "tiny",
) -> SweepOutcome:
    """Run what is not finished of ``sweep`` in ``directory``."""
    return SweepRun(
        SweepRecord(sweep_id, sweep),
        Store(directory),
        datasets,
        executor,
        tracker or MemoryTracker(),
        progress or Silent(),
        members=members,
        engine=engine,
    ).run()


def without_seconds(rows: pa.Table) -> list[dict[str, object]]:
    """The rows less what differs from one run to the next."""
    return rows.drop_columns(["seconds"]).to_pylist()


def trial_files(directory: Path) -> dict[str, bytes]:
    """The files of a search in ``directory``, by their names."""
    return {file.name: file.read_bytes() for file in sorted((directory / "search").rglob("*.json"))}


class Notices(Silent):
    """Keeps what is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def notice(self, text: str) -> None:
        """Keep it."""
        self.lines.append(text)


class InterruptOnce:
    """A progress that presses Ctrl-C, once ``when`` the state says so."""

    def __init__(self, when: Callable[[SweepState], bool]) -> None:
        self._when = when
        self._done = False

    def notice(self, text: str) -> None:
        """Not kept."""

    def update(self, state: SweepState, slots: int) -> None:
        """Interrupt, at the right time."""
        if not self._done and self._when(state):
            self._done = True
            raise KeyboardInterrupt
