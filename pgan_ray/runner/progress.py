"""How far a sweep is, for whoever shows it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable


@dataclass
class SweepState:
    """Counts and current losses of a running sweep; the driver alone changes it."""

    generators: int
    victims: int
    generators_done: int = 0
    generators_diverged: int = 0
    victims_done: int = 0
    victims_failed: int = 0
    evaluators: int = 0
    # trial id -> share of its training that is done, 0 to 1
    trials: dict[str, float] = field(default_factory=dict)
    # (configuration, replicate) -> its latest training metrics, while it trains
    losses: dict[tuple[str, int], Mapping[str, float]] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    training_s: float = 0.0  # actor time that stage 1 took so far
    trained: float = 0.0  # trials' worth of training done in that time
    seconds_per_victim: float | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds since the stages began."""
        return time.monotonic() - self.started

    @property
    def training_share(self) -> float:
        """How much of stage 1 is done, 0 to 1."""
        return sum(self.trials.values()) / len(self.trials) if self.trials else 1.0

    def remaining_s(self, slots: int) -> float | None:
        """Seconds to go by the pace so far, with ``slots`` actors at work; None before both paces are known."""
        left_s = 0.0
        trials_left = len(self.trials) - sum(self.trials.values())
        if trials_left > 0:
            if self.trained < 0.02:
                return None
            left_s += trials_left * self.training_s / self.trained
        victims_left = self.victims - self.victims_done - self.victims_failed
        if victims_left > 0:
            if self.seconds_per_victim is None:
                return None
            left_s += victims_left * self.seconds_per_victim
        return left_s / max(slots, 1)


@runtime_checkable
class ProgressDisplay(Protocol):
    """Shows a sweep to people or scripts. Called from the driver's one loop; must return fast."""

    def notice(self, text: str) -> None:
        """One line that people should read."""
        ...

    def update(self, state: SweepState, slots: int) -> None:
        """Something changed, or time passed."""
        ...


class Silent:
    """Shows nothing."""

    def notice(self, text: str) -> None:
        """Nothing."""

    def update(self, state: SweepState, slots: int) -> None:
        """Nothing."""


def clock(seconds: float) -> str:
    """``1:02:03`` or ``2:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
