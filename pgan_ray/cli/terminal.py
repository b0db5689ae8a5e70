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
from pgan_ray.runner.progress import SweepState, clock
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
        counts = (state.generators_done, state.victims_failed)
        now = time.monotonic()
        ended = state.victims_done == state.victims and self._shown_at < now
        if counts == self._shown and now - self._shown_at < LINE_EVERY_S and not ended:
            return
        self._shown, self._shown_at = counts, now if not ended else float("inf")
        parts = [clock(state.elapsed_s), *_counts(state), _left(state, slots), _losses(state)]
        say("  ".join(part for part in parts if part), err=True)


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
        bars = Table.grid(padding=(0, 1))
        shares = (state.training_share, state.victims_done / state.victims)
        for name, share, counts in zip(("generators", "victims"), shares, _counts(state), strict=True):
            bars.add_row(name, ProgressBar(total=1, completed=share, width=40), counts)
        lines: list[RenderableType] = [bars, Text(f"{clock(state.elapsed_s)}  {_left(state, slots)}")]
        losses = _losses(state)
        if losses:
            lines.append(Text(printable(losses), style="dim"))
        self._live.update(Group(*lines))


def _counts(state: SweepState) -> tuple[str, str]:
    generators = f"{state.generators_done}/{state.generators} generators"
    if state.generators_diverged:
        generators += f" ({state.generators_diverged} diverged)"
    victims = f"{state.victims_done}/{state.victims} victims"
    if state.victims_failed:
        victims += f" ({state.victims_failed} failed)"
    return generators, victims


def _left(state: SweepState, slots: int) -> str:
    left = state.remaining_s(slots)
    if left is not None:
        return f"about {clock(left)} left"
    return f"training {state.training_share:.0%} done" if state.training_share < 1 else ""


def _losses(state: SweepState) -> str:
    """Of the generator that reported last."""
    if not state.losses:
        return ""
    (configuration, replicate), metrics = next(reversed(state.losses.items()))
    numbers = (f"{name.replace('_', ' ')} {value:.2f}" for name, value in metrics.items())
    return f"{configuration}/r{replicate}: {', '.join(numbers)}"
