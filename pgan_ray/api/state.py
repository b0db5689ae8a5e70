"""How sweeps are at this moment: from their directories alone, whoever runs them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pgan_ray.errors import SpecError
from pgan_ray.results import (
    STRONGEST,
    SWEEP,
    Change,
    Directory,
    Estimate,
    Ranked,
    Store,
    bare_variants,
    contenders,
    counts,
    holder_of,
    left_by,
    ranking,
    read_sweep,
    read_trials,
    rule_of,
)
from pgan_ray.runner.progress import Snapshot
from pgan_ray.spec import SweepRecord

ENDS = ("complete", "partial", "paused", "interrupted", "failed")


@dataclass(frozen=True)
class SweepState:
    """One sweep.

    ``state``: running; complete, partial, paused, interrupted or failed, as its last end has it; or unfinished, where
    it has come to none, was extended since, or its last driver died. ``driver``: who runs it, in words, and its
    ``beat``, which rises while it lives. ``now``: how far it says it is. ``cells``: victims that are finished, as it
    says, and all. ``best``: its strongest attack, by its last end, of those that its detectors leave alone if they do
    any. ``trials``: of a search, how many are in each state. ``left_out``: the files that could not be used for this,
    with the reasons.
    """

    record: SweepRecord
    state: str
    driver: str = ""
    beat: int = 0
    now: Snapshot | None = None
    cells: tuple[int, int] | None = None
    best: Ranked | None = None
    trials: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)


def state_of(store: Store) -> SweepState:
    """The sweep in ``store``. Raises `SpecError` where there is none."""
    record = store.at_start(lambda: read_sweep(store))
    directory = Directory(store, record)
    summary, holder = directory.summary_head(), holder_of(store)
    said = summary.get("outcome")
    state = "running" if holder else said if said in ENDS else "unfinished"
    of_cells = summary.get("cells")
    cells = None
    if isinstance(of_cells, dict) and all(type(of_cells.get(key)) is int for key in ("finished", "planned")):
        cells = of_cells["finished"], of_cells["planned"]
    trials = counts(read_trials(store, record).values())
    if holder is None:
        left = Snapshot.read(left_by(store))
        if left is not None and (cells is None or left.victims_done > cells[0]):  # else it came to an end since
            state, cells = "unfinished", (left.victims_done, left.victims)
        if cells is not None and cells[1] < record.sweep.cells and state in ("complete", "partial"):
            state, cells = "unfinished", (cells[0], record.sweep.cells)
        best = _best(record, summary)
        return SweepState(record, state, cells=cells, best=best, trials=trials, left_out=directory.damaged)
    now = Snapshot.read(holder.progress)
    cells = cells if now is None else (now.victims_done, now.victims)
    return SweepState(record, state, holder.name, holder.beat, now, cells, trials=trials, left_out=directory.damaged)


def states_in(place: Store) -> Iterator[tuple[str, SweepState | SpecError]]:
    """The sweeps in the folders of ``place``, by their names; of those that cannot be read, why."""
    for name in place.at_start(place.entries):
        store = Store(place.place(name))  # which no link leads out of, not even into the sweep beside it
        try:
            if SWEEP in store.at_start(store.entries):
                yield name, state_of(store)
        except SpecError as error:
            yield name, error


def _best(record: SweepRecord, summary: dict[str, Any]) -> Ranked | None:
    """By the summary, which may be a stranger's."""
    # Of several pipelines of defences earlier versions ranked attacks behind each, and kept the changes of the first.
    if STRONGEST in summary and "by_defence" not in summary and bare_variants(record.sweep) is not None:
        return None
    try:
        changes = [_change(found) for found in summary.get(STRONGEST, summary.get("changes", []))]
        return next(iter(ranking(contenders(record.sweep, changes), **rule_of(record.sweep))), None)
    except (SpecError, TypeError, KeyError, AttributeError, ValueError):
        return None


def _change(found: dict[str, Any]) -> Change:
    estimates = ("rates", "detectability")
    parts = {name: {key: Estimate(**one) for key, one in found.get(name, {}).items()} for name in estimates}
    return Change(**{**found, **parts})
