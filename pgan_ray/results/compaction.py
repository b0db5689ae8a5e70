"""One file of rows for each finished configuration, in place of its batches' small ones.

Whatever ends a process in between, the rows are the same before, during and after: the whole file is there before the
first small one is deleted, and a cell that is in two files counts once.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress

import pyarrow as pa
import pyarrow.compute as pc

from pgan_ray.results import victims
from pgan_ray.results.directory import Directory
from pgan_ray.results.identity import identity
from pgan_ray.results.rows import cells_digest, component_failed
from pgan_ray.results.store import Store
from pgan_ray.spec import Configuration, Sweep, SweepRecord

_WHOLE = "all"


def compacted_name(configuration: Configuration) -> str:
    """The name of the file that holds every cell of ``configuration``: it stands for these cells and no others."""
    return f"{victims.folder(configuration.id)}/{_WHOLE}-{cells_digest(_cell_ids(configuration))}.parquet"


def compact(
    directory: Directory, configuration: Configuration, written: Mapping[str, pa.Table] | None = None
) -> pa.Table | None:
    """Put all rows of a finished ``configuration`` into one file, and return them; None while some are missing.

    Where a component failed they stay as they are: `forget_failures` lets batches be run again.

    ``written``: by batch id, the rows that this process wrote; every other file is read, and checked, before it is
    deleted. A ``directory`` that is strict raises where one cannot be used; any other leaves all files as they are.
    Doing so twice changes nothing.
    """
    store, whole = directory.store, compacted_name(configuration)
    names = victims.row_files(store, configuration.id)
    known = {victims.file_of(batch): rows for batch, rows in (written or {}).items()}
    rows = directory.rows(configuration.id, known)
    if rows["cell_id"].to_pylist() != _cell_ids(configuration):
        return None
    batches = [name for name in names if name != whole]
    if not batches or any(name in directory.damaged for name in names) or pc.any(component_failed(rows)).as_py():
        return rows
    if whole not in names:
        store.write_table(whole, victims.identified(rows, identity(directory.record)), durable=True)
    for name in batches:
        with suppress(FileNotFoundError):
            store.delete(name)
    store.prune(victims.folder(configuration.id))
    return rows


def forget_failures(store: Store, sweep: Sweep, among: Iterable[str] | None = None) -> int:
    """Delete the files of the batches of ``sweep`` in which a component failed, and return how many.

    They are run again. ``among``: as for `FinishedBatches`.
    """
    whole = {one.id: compacted_name(one) for one in sweep.configurations}
    names = _files(store, among)
    # Files of whole configurations hold no such cells.
    names = [name for name in names if (of := name.split("/")[1]) in whole and name != whole[of]]
    failed = [name for name in names if pc.any(component_failed(victims.read_file(store, name))).as_py()]
    for name in failed:
        store.delete(name)
    return len(failed)


class FinishedBatches:
    """The batches that have rows in ``store``, as it is now: what is written later is not among them.

    ``among``: of these configurations alone, where they are few of many; None: of all.
    """

    def __init__(self, store: Store, among: Iterable[str] | None = None) -> None:
        self._store, self._files = store, set(_files(store, among))
        self._files_of: dict[str, list[str]] = defaultdict(list)
        for name in self._files:
            self._files_of[name.split("/")[1]].append(name)
        self._compacted: dict[str, bool] = {}
        self._earlier: dict[str, frozenset[str]] = {}

    def holds(self, configuration: Configuration, batch_id: str, cells: Iterable[str]) -> bool:
        """Whether the batch of ``configuration`` is finished, all of whose ``cells`` are said by their ids."""
        if victims.file_of(batch_id) in self._files or self._is_compacted(configuration):
            return True
        return self._cells_before(configuration).issuperset(cells)

    def is_compact(self, configuration: Configuration) -> bool:
        """Whether all rows of ``configuration`` are in one file, and no other is left."""
        return len(self._files_of[configuration.id]) == 1 and self._is_compacted(configuration)

    def _is_compacted(self, configuration: Configuration) -> bool:
        if configuration.id not in self._compacted:
            self._compacted[configuration.id] = compacted_name(configuration) in self._files
        return self._compacted[configuration.id]

    def _cells_before(self, configuration: Configuration) -> frozenset[str]:
        """The cells that were all of ``configuration`` before its sweep was extended."""
        if configuration.id not in self._earlier:
            whole = f"{victims.folder(configuration.id)}/{_WHOLE}-"
            names = [name for name in self._files_of[configuration.id] if name.startswith(whole)]
            cells = [victims.read_file(self._store, name)["cell_id"].to_pylist() for name in names]
            self._earlier[configuration.id] = frozenset(itertools.chain(*cells))
        return self._earlier[configuration.id]


def unfinished(store: Store, record: SweepRecord) -> list[str]:
    """The configurations of ``record`` of which a resumed sweep would run something, or put rows in one file."""
    finished = FinishedBatches(store)
    return [one.id for one in record.sweep.configurations if not finished.is_compact(one)]


def _files(store: Store, among: Iterable[str] | None) -> list[str]:
    if among is None:
        return victims.row_files(store)
    return [name for configuration in among for name in victims.row_files(store, configuration)]


def _cell_ids(configuration: Configuration) -> list[str]:
    replicates = range(configuration.settings.attack.replicates)
    return sorted(cell.id for replicate in replicates for cell in configuration.cells(replicate))
