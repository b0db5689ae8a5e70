"""How far a sweep is, for whoever shows it."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable


@dataclass
class Done:
    """The ``seconds`` that actors took so far for what one stage has done, and the ``cost`` of that."""

    seconds: float = 0.0
    cost: float = 0.0

    def add(self, seconds: float, cost: float) -> None:
        """More of it is done."""
        self.seconds += seconds
        self.cost += cost


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
    # (what the configuration is called, replicate) -> its latest training metrics, while it trains
    losses: dict[tuple[str, int], Mapping[str, float]] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    seconds_per_victim: float | None = None
    # In seconds by assumed rates: of each trial, and of all victims that are neither done nor lost.
    trial_costs: Mapping[str, float] = field(default_factory=dict)
    victims_cost: float = 0.0
    later: float = 0.0  # of what is not planned in detail yet, likewise
    training: Done = field(default_factory=Done)
    evaluating: Done = field(default_factory=Done)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the stages began."""
        return time.monotonic() - self.started

    @property
    def training_share(self) -> float:
        """How much of stage 1 is done, 0 to 1."""
        return sum(self.trials.values()) / len(self.trials) if self.trials else 1.0

    def remaining_s(self, slots: int) -> float | None:
        """Seconds to go, with ``slots`` actors at work: what is left by its relative costs, at the pace so far.

        None before both stages have a pace.
        """
        trials = sum((1 - share) * self.trial_costs[trial] for trial, share in self.trials.items())
        victims = max(0.0, self.victims_cost) if self.victims_done + self.victims_failed < self.victims else 0.0
        left_s = 0.0
        for done, left in ((self.training, trials), (self.evaluating, victims)):
            if left > 0:
                if not done.cost:
                    return None
                left_s += left * done.seconds / done.cost
        if self.later:
            every = self.training.cost + self.evaluating.cost
            if not every:
                return None
            left_s += self.later * (self.training.seconds + self.evaluating.seconds) / every
        return left_s / max(slots, 1)


@dataclass(frozen=True)
class Whole:
    """What one run of a search's wave is a part of: how much of it there is, and how much of that was done before.

    ``later``: seconds that the rest takes by assumed rates. ``started``: as that of a `SweepState`.
    """

    generators: int
    victims: int
    generators_done: int = 0
    victims_done: int = 0
    later: float = 0.0
    started: float = field(default_factory=time.monotonic)

    def state(self) -> SweepState:
        """The state that a run begins with."""
        return SweepState(**vars(self))


@runtime_checkable
class ProgressDisplay(Protocol):
    """Shows a sweep to people or scripts. Called from the driver's one loop; must return fast."""

    def notice(self, text: str) -> None:
        """One line that people should read."""

    def update(self, state: SweepState, slots: int) -> None:
        """Something changed, or time passed."""


@dataclass(frozen=True)
class Snapshot:
    """How far a sweep is at one moment, as another process may be told: the same that a display shows."""

    seconds: float
    generators: int
    generators_done: int
    generators_diverged: int
    victims: int
    victims_done: int
    victims_failed: int
    training_share: float
    remaining_s: float | None
    losses: str = ""

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> "Snapshot | None":
        """What `dataclasses.asdict` made of one; None where ``found`` is nothing of the kind."""
        try:
            made = cls(**found)
            numbers = [value for name, value in found.items() if name != "losses" and value is not None]
            sound = all(isinstance(number, int | float) and math.isfinite(number) for number in numbers)
        except TypeError:
            return None
        return made if sound and isinstance(made.losses, str) else None


def snapshot(state: SweepState, slots: int) -> Snapshot:
    """How far ``state`` is, with ``slots`` actors at work."""
    return Snapshot(
        state.elapsed_s,
        state.generators,
        state.generators_done,
        state.generators_diverged,
        state.victims,
        state.victims_done,
        state.victims_failed,
        state.training_share,
        state.remaining_s(slots),
        _losses(state),
    )


def _losses(state: SweepState) -> str:
    """Of the generator that reported last."""
    if not state.losses:
        return ""
    (configuration, replicate), metrics = next(reversed(state.losses.items()))
    numbers = (f"{name.replace('_', ' ')} {value:.2f}" for name, value in metrics.items())
    return f"{configuration}/r{replicate}: {', '.join(numbers)}"


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
