"""What came of a sweep, for whoever started it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pgan_ray.results import Change, Outcome, Point, Store, identity
from pgan_ray.spec import SweepRecord


@dataclass
class SweepOutcome:
    """What came of a sweep.

    ``outcome``: complete; partial, some cells have no score; paused, by a file; interrupted; or failed, an error of
    ours ended it.
    """

    outcome: Outcome = "complete"
    failures: list[str] = field(default_factory=list)  # one text each: which, state, remote traceback
    diverged: list[str] = field(default_factory=list)
    retried: list[str] = field(default_factory=list)
    seconds: float = 0.0
    points: list[Point] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)  # of the attacks, over the controls
    doubts: list[tuple[str, str]] = field(default_factory=list)  # configuration, and what is said against its results
    trials: dict[str, int] = field(default_factory=dict)  # of a search: how many are in each state
    devices: list[str] = field(default_factory=list)  # what the victims were computed on
    cells_failed: list[str] = field(default_factory=list)  # by a component, in this run
    cells_without_row: list[str] = field(default_factory=list)  # where it is partial or failed
    summary: dict[str, Any] = field(default_factory=dict)  # as `summary.json` holds it, if it could be written

    @property
    def can_go_on(self) -> bool:
        """Whether another start has anything to do: cells that diverged would diverge again.

        Those that a component failed are run again, as it may have been mended.
        """
        return self.outcome in ("paused", "interrupted", "failed") or bool(self.cells_without_row or self.cells_failed)


def write_summary(
    store: Store, record: SweepRecord, outcome: SweepOutcome, more: Mapping[str, Any] | None = None
) -> None:
    """Write what came of a sweep, and ``more`` about it, into ``summary.json``."""
    said = {name: value for name, value in asdict(outcome).items() if name != "summary"}
    outcome.summary = {**identity(record), "profile": record.sweep.profile, **said, **(more or {})}
    store.write("summary.json", json.dumps(outcome.summary, indent=1).encode())
