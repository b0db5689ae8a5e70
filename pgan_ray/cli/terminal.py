"""Live progress on a terminal, plain lines elsewhere. All of it on standard error: results go to standard output."""

import sys
import time
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pgan_ray.cli.say import say
from pgan_ray.runner.progress import Snapshot, SweepState, clock, snapshot
from pgan_ray.text import printable

LINE_EVERY_S = 15.0


def make_progress() -> "LiveProgress | PlainProgress":
    """What suits standard error."""
    return LiveProgress() if sys.stderr.isatty() else PlainProgress()


class PlainProgress:
    """A line when a count changes, or every so often."""

    def __init__(self) -> None:
        self._shown: tuple[int, ...] = ()
        self._shown_at = float("-inf")

    def __enter__(self) -> "PlainProgress":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to tidy."""

    def notice(self, text: str) -> None:
        """One line."""
        say(text, err=True)

    def update(self, state: SweepState, slots: int) -> None:
        """Print where the sweep stands, unless it was just said."""
        self.show(snapshot(state, slots))

    def show(self, now: Snapshot) -> None:
        """Print where a sweep stands ``now``, unless it was just said."""
        counts, at = (now.generators_done, now.victims_failed > 0), time.monotonic()
        ended = now.victims_done + now.victims_failed == now.victims and self._shown_at < at
        if counts == self._shown and at - self._shown_at < LINE_EVERY_S and not ended:
            return
        self._shown, self._shown_at = counts, at if not ended else float("inf")
        say(snapshot_line(now), err=True)


class LiveProgress:
    """Bars, current losses and the time left, redrawn in place."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, refresh_per_second=2)

    def __enter__(self) -> "LiveProgress":
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def notice(self, text: str) -> None:
        """One line, above the bars."""
        self._console.print(Text(printable(text)))

    def update(self, state: SweepState, slots: int) -> None:
        """Redraw."""
        self.show(snapshot(state, slots))

    def show(self, now: Snapshot) -> None:
        """Draw where a sweep stands ``now``."""
        bars = Table.grid(padding=(0, 1))
        shares = (now.training_share, now.victims_done / max(1, now.victims))
        for name, share, counts in zip(("generators", "victims"), shares, _counts(now), strict=True):
            bars.add_row(name, ProgressBar(total=1, completed=share, width=40), counts)
        lines: list[RenderableType] = [bars, Text(f"{clock(now.seconds)}  {_left(now)}")]
        if now.losses:
            lines.append(Text(printable(now.losses), style="dim"))
        self._live.update(Group(*lines))


def snapshot_line(now: Snapshot) -> str:
    """Where a sweep stands, in one line."""
    return "  ".join(part for part in (clock(now.seconds), *_counts(now), _left(now), now.losses) if part)


def _counts(now: Snapshot) -> tuple[str, str]:
    generators = f"{now.generators_done}/{now.generators} generators"
    if now.generators_diverged:
        generators += f" ({now.generators_diverged} diverged)"
    victims = f"{now.victims_done}/{now.victims} victims"
    if now.victims_failed:
        victims += f" ({now.victims_failed} failed)"
    return generators, victims


def _left(now: Snapshot) -> str:
    if now.remaining_s is not None:
        return f"about {clock(now.remaining_s)} left"
    return f"training {now.training_share:.0%} done" if now.training_share < 1 else ""
