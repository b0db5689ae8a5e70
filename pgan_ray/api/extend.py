"""More trials for a search, more values for a grid; a search's pause; and one that begins with what another found."""

import copy
import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from pgan_ray.errors import SpecError
from pgan_ray.results import PAUSE, SWEEP, Store, known_trials, read_sweep, read_trials, redact, unfinished
from pgan_ray.search import ordered
from pgan_ray.spec import Search, SweepRecord, is_random, load_record, with_replicates, with_values
from pgan_ray.text import typed

MOST_WARM = 10


def extend_search(store: Store, trials: int) -> SweepRecord:
    """The record of the search in ``store`` with ``trials`` more trials. It is written when it is run, not before.

    Raises `SpecError` if ``store`` holds no search, or one that cannot have that many trials.
    """
    where = redact(store.location)
    record = store.at_start(lambda: read_sweep(store))
    if record.sweep.search is None:
        rule = "must be a search to have more trials, got a grid: --add A.B=VALUE adds a value to one of its grids"
        raise SpecError([f"{where}: {rule}"])
    document: dict[str, Any] = copy.deepcopy(dict(record.document))
    document["search"]["trials"] += trials
    longer = replace(record, sweep=replace(record.sweep, document=document), written=document).to_yaml()
    return load_record(longer, f"{where}/{SWEEP}", imports=True, known_trials=lambda of: known_trials(store, of))


def extend_grid(store: Store, additions: Sequence[str] = (), *, replicates: int = 0) -> SweepRecord:
    """The record of the grid in ``store`` with more values in its grids, or with ``replicates`` more of each attack.

    It is written when it is run, not before. The run trains only what is new; on a CPU, with the bits that a new sweep
    of everything would give.

    ``additions``: texts such as ``attack.alpha=0.9``, each a value to append to the grid at that path. Raises
    `SpecError` if the sweep is not a finished grid, or cannot be extended in this way.
    """
    where = redact(store.location)
    record = store.at_start(lambda: read_sweep(store, imports=True))
    if record.sweep.search is not None:
        rule = "must be a grid to have more values or replicates, got a search: --trials N adds some"
        raise SpecError([f"{where}: {rule}"])
    longer = with_values(record, additions) if additions else record
    longer = with_replicates(longer, replicates) if replicates else longer
    if left := store.at_start(lambda: unfinished(store, record)):
        named = f"`{left[0]}`" if len(left) == 1 else f"`{left[0]}` and {len(left) - 1:,} more configurations"
        rule = f"must be finished before it is extended, got unfinished victims of {named}"
        raise SpecError([f"{where}: {rule}: pgan-ray resume {typed(where)}"])
    return longer


def pause_search(store: Store) -> None:
    """Stop the search in ``store`` after the current wave of trials. Raises `SpecError` if it is not a search."""
    record = store.at_start(lambda: read_sweep(store))
    if record.sweep.search is None:
        rule = "must be a search to be paused between two waves, got a grid: stop that with Ctrl-C"
        raise SpecError([f"{redact(store.location)}: {rule}"])
    store.at_start(lambda: store.write(PAUSE, b""), "must be a place that can be written to")


def warm_start(search: Search | None, directory: str | Path) -> str:
    """The override by which ``search`` tries the best trials of the search in ``directory`` after its own `start`.

    Values outside the ranges and choices of ``search`` are left out. Raises `SpecError` if nothing is left.
    """
    if search is None:
        raise SpecError(["--warm-start: must go with a search, got a grid"])
    store = Store(directory)
    other = store.at_start(lambda: read_sweep(store))
    where = redact(store.location)
    if other.sweep.search is None:
        raise SpecError([f"--warm-start {where}: must be the directory of a search, got that of a grid"])
    theirs, ours = other.sweep.search.base.settings, search.base.settings
    if theirs.dataset.model_dump() == ours.dataset.model_dump() and theirs.data_seed != ours.data_seed:
        # It was chosen by points that may be test points here.
        rule = f"must be a search that split its data by the seed of this one, {ours.data_seed}, got {theirs.data_seed}"
        raise SpecError([f"--warm-start {where}: {rule}: set `dataset.split_seed: {theirs.data_seed}` here"])
    found = read_trials(store, other)
    each = (
        ordered(other.sweep.search.spec, [trial for key, trial in found.items() if key[0] == series])
        for series in other.sweep.search.series
        if not is_random(series)
    )
    # In turn: harm against one defence says nothing of harm against another.
    trials = [trial for best in zip_longest(*each) for trial in best if trial is not None]
    own = {one.name: one for one in search.dimensions}
    start = list(search.spec.start)
    most = min(search.spec.trials, len(start) + MOST_WARM)
    for trial in trials:
        values = {name: value for name, value in trial.values.items() if name in own and own[name].holds(value)}
        if values and values not in start and len(start) < most:
            start.append(values)
    if len(start) == len(search.spec.start):
        rule = f"must have complete trials with values that are searched here ({', '.join(own)})"
        raise SpecError([f"--warm-start {where}: {rule}, and `search.trials` must leave room beside `search.start`"])
    return f"search.start={json.dumps(start)}"
