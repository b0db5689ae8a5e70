"""How sweeps are at this moment: from their directories alone, whoever runs them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pgan_ray.errors import SpecError
from pgan_ray.results import (
    SWEEP,
    Change,
    Directory,
    Estimate,
    Ranked,
    Store,
    counts,
    holder_of,
    ranking,
    read_sweep,
    read_trials,
    redact,
    rule_of,
)
from pgan_ray.runner.progress import Snapshot
from pgan_ray.spec import SweepRecord


@dataclass(frozen=True)
class SweepState:
    """One sweep.

    ``state``: running; complete, partial, paused, interrupted or failed, as its last end has it; or unfinished, where
    it has come to none. ``driver``: who runs it, in words, and its ``beat``, which rises while it lives. ``now``: how
    far it says it is. ``best``: its strongest attack, by its last end, of those that its detectors leave alone if they
    do any. ``trials``: of a search, how many are in each state.
    """

    record: SweepRecord
    state: str
    driver: str = ""
    beat: int = 0
    now: Snapshot | None = None
    cells: tuple[int, int] | None = None
    best: Ranked | None = None
    trials: Mapping[str, int] = field(default_factory=dict)


def state_of(store: Store) -> SweepState:
    """The sweep in ``store``. Raises `SpecError` where there is none."""
    record = store.at_start(lambda: read_sweep(store))
    summary, holder = Directory(store, record).summary(), holder_of(store)
    state = "running" if holder else str(summary.get("outcome") or "unfinished")
    of_cells = summary.get("cells")
    cells = None
    if isinstance(of_cells, dict) and all(type(of_cells.get(key)) is int for key in ("finished", "planned")):
        cells = of_cells["finished"], of_cells["planned"]
    trials = counts(read_trials(store, record).values())
    if holder is None:
        return SweepState(record, state, cells=cells, best=_best(record, summary), trials=trials)
    now = Snapshot.read(holder.progress)
    cells = cells if now is None else (now.victims_done, now.victims)
    return SweepState(record, state, holder.name, holder.beat, now, cells, trials=trials)


def states_in(place: Store) -> Iterator[tuple[str, SweepState | SpecError]]:
    """The sweeps in the folders of ``place``, by their names; of those that cannot be read, why."""
    for name in sorted(place.entries()):
        store = place.below(name)
        try:
            if SWEEP in store.entries():
                yield name, state_of(store)
        except SpecError as error:
            yield name, error
        except OSError as error:
            yield name, SpecError([f"{redact(store.location)}: {redact(str(error))}"])


def _best(record: SweepRecord, summary: dict[str, Any]) -> Ranked | None:
    """By the summary, which may be a stranger's."""
    results = record.sweep.result_ids
    try:
        changes = [_change(found) for found in summary.get("changes", [])]
        own = [change for change in changes if change.configuration in results]
        return next(iter(ranking(own, **rule_of(record.sweep))), None)
    except (SpecError, TypeError, KeyError, AttributeError, ValueError):
        return None


def _change(found: dict[str, Any]) -> Change:
    estimates = ("rates", "detectability")
    parts = {name: {key: Estimate(**one) for key, one in found.get(name, {}).items()} for name in estimates}
    return Change(**{**found, **parts})
