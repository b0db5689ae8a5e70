"""What came of a sweep, for whoever started it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from pgan_ray.results import (
    STRONGEST,
    SUMMARY,
    ByDefence,
    Change,
    Outcome,
    Point,
    Store,
    encode_summary,
    identity,
    strongest,
)
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
    by_defence: list[ByDefence] = field(default_factory=list)  # of a grid that has several
    doubts: list[tuple[str, str]] = field(default_factory=list)  # configuration, and what is said against its results
    trials: dict[str, int] = field(default_factory=dict)  # of a search: how many are in each state
    devices: list[str] = field(default_factory=list)  # what the victims were computed on
    cells_failed: list[str] = field(default_factory=list)  # by a component, in this run
    cells_without_row: list[str] = field(default_factory=list)  # where it is partial or failed
    summarised: dict[str, Any] = field(default_factory=dict)  # what `summary.json` was made of, if it could be

    @property
    def summary(self) -> dict[str, Any]:
        """As `summary.json` holds it; empty if it could not be written. Made afresh, since it may be large."""
        found: dict[str, Any] = json.loads(encode_summary(self.summarised)) if self.summarised else {}
        return found

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
    said = {one.name: getattr(outcome, one.name) for one in fields(outcome) if one.name != "summarised"}
    said[STRONGEST] = strongest(record.sweep, outcome.changes)
    outcome.summarised = {**identity(record), "profile": record.sweep.profile, **said, **(more or {})}
    store.write(SUMMARY, encode_summary(outcome.summarised))
