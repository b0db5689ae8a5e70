"""What a sweep's directory holds, file by file: what is missing is left out, what cannot be read is told.

Directories travel: copies end early, disks fill up. One damaged file is no reason to have no report.

Shapes: P poisoning points, N genuine points, S samples, F features, H x W pixels.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from safetensors import SafetensorError

from pgan_ray.results import VICTIMS, GeneratorRecord, Store, read_poison, read_record, read_samples
from pgan_ray.spec import Sweep

DAMAGE = (OSError, ValueError, KeyError, TypeError, SafetensorError, pa.ArrowException)
T = TypeVar("T")


class Files:
    """The files of one directory. ``damaged``: those that could not be read, with the reason."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.damaged: dict[str, str] = {}

    def rows(self) -> pa.Table:
        """The victims' rows, as `VICTIMS` has them, in the order of their cells' ids; no cell twice."""
        names = self._store.names("victims", ".parquet")
        tables = [table for name in names if (table := self._read(name, partial(self._table, name))) is not None]
        if not tables:
            return VICTIMS.empty_table()
        table = pa.concat_tables(tables).sort_by("cell_id")
        ids = table["cell_id"].to_pylist()
        return table.take([index for index, cell in enumerate(ids) if index == 0 or ids[index - 1] != cell])

    def summary(self) -> dict[str, Any]:
        """Of the sweep's last end; empty where there is none."""
        return self._read("summary.json", lambda: _mapping(json.loads(self._store.read("summary.json")))) or {}

    def generators(self, sweep: Sweep) -> dict[tuple[str, int], GeneratorRecord]:
        """The records of the finished generators, by configuration and replicate."""
        found = {}
        for configuration in sweep.configurations:
            if not configuration.settings.attack.is_trained:
                continue
            for replicate in range(configuration.settings.attack.replicates):
                record = self._generator(configuration.id, replicate)
                if record is not None:
                    found[configuration.id, replicate] = record
        return found

    def poison(self, configuration: str, replicate: int) -> npt.NDArray[np.float32] | None:
        """A generator's poison set, (P, F)."""
        name = _of_generator(configuration, replicate, "poison.safetensors")
        return self._read(name, lambda: read_poison(self._store, configuration, replicate))

    def samples(
        self, configuration: str, replicate: int, shape: tuple[int, int]
    ) -> dict[int, npt.NDArray[np.float32]] | None:
        """A generator's samples of images of ``shape`` (H, W), (S, F) by iteration."""

        def read() -> dict[int, npt.NDArray[np.float32]]:
            found = read_samples(self._store, configuration, replicate)
            for points in found.values():
                points.reshape(-1, *shape)  # raises where they are no such images
            return found

        return self._read(_of_generator(configuration, replicate, "samples.safetensors"), read)

    def genuine(self) -> dict[int, npt.NDArray[np.float64]]:
        """Genuine points in the plane by class label, (N, 2); empty where the sweep has none."""

        def read() -> dict[int, npt.NDArray[np.float64]]:
            table = self._store.read_table("genuine.parquet")
            xy = np.column_stack([table["x"].to_numpy(), table["y"].to_numpy()]).astype(np.float64)
            labels = table["label"].to_numpy()
            return {int(label): xy[labels == label] for label in np.unique(labels)}

        return self._read("genuine.parquet", read) or {}

    def _table(self, name: str) -> pa.Table:
        return _whole(self._store.read_table(name))

    def _generator(self, configuration: str, replicate: int) -> GeneratorRecord | None:
        name = _of_generator(configuration, replicate, "record.json")

        def read() -> GeneratorRecord | None:
            record = read_record(self._store, configuration, replicate)
            if record is not None and not isinstance(record.seconds, (int, float)):
                raise ValueError(f"`seconds` must be a number, got {record.seconds!r}")
            return record

        return self._read(name, read)

    def _read(self, name: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except FileNotFoundError:  # a directory copied in part
            return None
        except DAMAGE as error:
            reason = " ".join(str(error).split())
            self.damaged[name] = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
            return None


def _of_generator(configuration: str, replicate: int, name: str) -> str:
    return f"generators/{configuration}/r{replicate}/{name}"


def _whole(rows: pa.Table) -> pa.Table:
    """``rows`` as `VICTIMS` has them; the columns that rows of an earlier version lack are nulls."""
    for column in VICTIMS:
        if column.name not in rows.column_names and column.nullable:
            rows = rows.append_column(column, pa.nulls(rows.num_rows, column.type))
    return rows.select(VICTIMS.names).cast(VICTIMS)


def _mapping(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise ValueError(f"must be a mapping, got {type(content).__name__}")
    return content
