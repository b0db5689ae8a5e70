"""More trials for a search, and a search that begins with what another one found."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pgan_ray.errors import SpecError
from pgan_ray.results import Store, lease, read_sweep, read_trials, redact
from pgan_ray.search import ordered
from pgan_ray.spec import MAIN, Search, SweepRecord

MOST_WARM = 10


def extend_search(store: Store, trials: int, notice: Callable[[str], None]) -> SweepRecord:
    """The record of the search in ``store``, which from here on has so many ``trials`` more; to be resumed.

    Raises `SpecError` where it is none, or is running.
    """
    record = store.at_start(lambda: read_sweep(store, imports=True))
    search = record.sweep.search
    where = redact(store.location)
    if search is None:
        raise SpecError([f"{where}: must be a search to have more trials, got a grid: add values to it in a new sweep"])
    with lease(store, notice):
        document: dict[str, Any] = copy.deepcopy(dict(record.document))
        document["search"]["trials"] = search.spec.trials + trials
        longer = replace(record, sweep=replace(record.sweep, document=document), written=document)
        store.write("sweep.yaml", longer.to_yaml().encode())
    return store.at_start(lambda: read_sweep(store, imports=True))


def warm_start(search: Search | None, directory: str | Path) -> str:
    """The override that has ``search`` begin with the best trials of the search in ``directory``, after its own start.

    Those that are outside of what is searched here are left out. Raises `SpecError` where none is left.
    """
    if search is None:
        raise SpecError(["--warm-start: must go with a sweep that searches, got a grid"])
    store = Store(directory)
    other = store.at_start(lambda: read_sweep(store))
    where = redact(store.location)
    if other.sweep.search is None:
        raise SpecError([f"--warm-start {where}: must be the directory of a search, got a grid's"])
    trials = [trial for key, trial in read_trials(store, other).items() if key[0] == MAIN]
    own = {one.name: one for one in search.dimensions}
    start = list(search.spec.start)
    most = min(search.spec.trials, len(start) + MOST_WARM)
    for trial in ordered(other.sweep.search.spec, trials):
        values = {name: value for name, value in trial.values.items() if name in own and own[name].holds(value)}
        if values and values not in start and len(start) < most:
            start.append(values)
    if len(start) == len(search.spec.start):
        raise SpecError([f"--warm-start {where}: must have trials within what is searched here ({', '.join(own)})"])
    return f"search.start={json.dumps(start)}"
