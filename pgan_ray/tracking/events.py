"""What a sweep tells its tracker: names of what is in the sweep's directory, and live training rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pgan_ray.results import Outcome
from pgan_ray.spec import Sweep

Rows = Sequence[Mapping[str, Any]]  # of `pgan_ray.results.TRAINING`


@dataclass(frozen=True)
class SweepStarted:
    """The sweep starts, or goes on after an interruption."""

    def __str__(self) -> str:
        return "the start of the sweep"


@dataclass(frozen=True)
class SweepExtended:
    """A search asked for more trials: ``sweep`` has them."""

    sweep: Sweep

    def __str__(self) -> str:
        return "more trials"


@dataclass(frozen=True)
class Training:
    """Live training rows of one replicate; ``count`` events were merged into this one."""

    configuration: str
    replicate: int
    rows: Rows
    count: int = 1

    def __str__(self) -> str:
        return f"{len(self.rows)} training rows of {self.configuration}/r{self.replicate}"


@dataclass(frozen=True)
class GeneratorFinished:
    """The replicate's record is in the directory."""

    configuration: str
    replicate: int

    def __str__(self) -> str:
        return f"the generator {self.configuration}/r{self.replicate}"


@dataclass(frozen=True)
class ConfigurationFinished:
    """All rows of the configuration are in the directory."""

    configuration: str

    def __str__(self) -> str:
        return f"the results of {self.configuration}"


@dataclass(frozen=True)
class SweepFinished:
    """No more results come."""

    outcome: Outcome

    def __str__(self) -> str:
        return "the end of the sweep"


@dataclass(frozen=True)
class ReportWritten:
    """The report is in the directory."""

    def __str__(self) -> str:
        return "the report"


Event = (
    SweepStarted | SweepExtended | Training | GeneratorFinished | ConfigurationFinished | SweepFinished | ReportWritten
)


def weight(event: Event) -> int:
    """How many calls of the tracker the event stands for."""
    return event.count if isinstance(event, Training) else 1


def coalesce(events: Iterable[Event]) -> list[Event]:
    """The same events, training rows of one replicate merged where the first of them stood."""
    merged: list[Event] = []
    place: dict[tuple[str, int], int] = {}
    for event in events:
        if isinstance(event, Training):
            key = (event.configuration, event.replicate)
            if key in place:
                earlier = merged[place[key]]
                assert isinstance(earlier, Training)
                rows, count = (*earlier.rows, *event.rows), earlier.count + event.count
                merged[place[key]] = Training(*key, rows, count)
                continue
            place[key] = len(merged)
        merged.append(event)
    return merged
