"""A sweep's directory as every command reads it: each file is checked, and what cannot be used is left out by name.

Directories travel: copies end early, disks fill up, and some come from strangers. One damaged file is no reason to have
no report; to go on from it would be one for a wrong result.

Shapes: P poisoning points, N genuine points, S samples, F features, H x W pixels.
"""

import itertools
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pgan_ray.errors import SpecError
from pgan_ray.results import ending, json_text, victims
from pgan_ray.results.generators import (
    GeneratorRecord,
    folder,
    read_poison,
    read_record,
    read_samples,
    read_training,
    read_weights,
)
from pgan_ray.results.identity import foreign
from pgan_ray.results.probes import FOLDER as PROBES
from pgan_ray.results.probes import probe_folder
from pgan_ray.results.redact import reason_of, redact
from pgan_ray.results.rows import RowCheck
from pgan_ray.results.schema import VICTIMS, is_duration
from pgan_ray.results.store import Store
from pgan_ray.spec import SweepRecord

DAMAGE = (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError, pa.ArrowException)
REPORT = "report"
DATA_FILE = "data.json"  # of each data set, by its `Settings.dataset_key`: name, digest, value range, image shape
T = TypeVar("T")


class Directory:
    """The files of one sweep. ``damaged``: those that cannot be used, with the reason.

    With ``strict`` the first one is an error (`SpecError`, or the store's own `OSError`): results come of them.
    """

    def __init__(self, store: Store, record: SweepRecord, *, strict: bool = False) -> None:
        self.store, self.record, self._strict = store, record, strict
        self.damaged: dict[str, str] = {}
        self._check = RowCheck(record)

    def rows(self, configuration: str | None = None, known: Mapping[str, pa.Table] | None = None) -> pa.Table:
        """The victims' rows, as `VICTIMS` has them, in the order of their cells' ids; no cell twice.

        ``known``: what is in some files of one ``configuration``, which are not read.
        """
        if configuration is not None:
            return self._joined(configuration, self._row_files(configuration), known or {})
        return pa.concat_tables([VICTIMS.empty_table(), *(rows for _, rows in self.tables())])

    def tables(self, *, without: Container[str] = ()) -> Iterator[tuple[str, pa.Table]]:
        """Each configuration that has any rows, with them, in the order of `rows`; those in ``without`` are not read.

        What looks at all rows goes through them by this, once: those of one configuration are in memory at a time.
        """
        for configuration, names in itertools.groupby(self._row_files(), lambda name: name.split("/")[1]):
            if configuration not in without:
                rows = self._joined(configuration, list(names), {})
                if rows.num_rows:
                    yield configuration, rows

    def _joined(self, configuration: str, names: list[str], known: Mapping[str, pa.Table]) -> pa.Table:
        while True:
            found = {name: known.get(name) for name in names}
            found |= {name: self._read(name, partial(self._rows, name)) for name in names if name not in known}
            is_any_gone = any(rows is None and name not in self.damaged for name, rows in found.items())
            now = self._row_files(configuration) if is_any_gone else names
            if now == names:
                return victims.joined(rows for rows in found.values() if rows is not None)
            names = now  # a sweep that is running put them into one file meanwhile

    def _joined_files(self, names: Iterable[str]) -> pa.Table:
        found = [self._read(name, partial(self._rows, name)) for name in names]
        return victims.joined(rows for rows in found if rows is not None)

    def _rows(self, name: str) -> pa.Table:
        return victims.read_file(self.store, name, self._check)

    def _row_files(self, configuration: str | None = None) -> list[str]:
        return self._read(victims.FOLDER, lambda: victims.row_files(self.store, configuration)) or []

    def probe(self, configuration: str, rung: float) -> pa.Table:
        """The rows of a search's trial at a rung; those of a stack that did not come to it are missing."""
        names = self._read(PROBES, lambda: self.store.names(probe_folder(configuration, rung), ".parquet")) or []
        return self._joined_files(names)

    def generator(self, configuration: str, replicate: int) -> GeneratorRecord | None:
        """A replicate's record, or None while it is unfinished."""
        read = partial(read_record, self.store, configuration, replicate, self.record)
        return self._read(_name(configuration, replicate, "record.json"), read)

    def generators(self) -> dict[tuple[str, int], GeneratorRecord]:
        """The records of the finished generators, by configuration and replicate."""
        found = {place: self.generator(*place) for place in self._places()}
        return {place: record for place, record in found.items() if record is not None}

    def poison(self, configuration: str, replicate: int) -> npt.NDArray[np.float32] | None:
        """A generator's poison set, (P, F)."""
        name = _name(configuration, replicate, "poison.safetensors")
        return self._read(name, lambda: read_poison(self.store, configuration, replicate))

    def samples(
        self, configuration: str, replicate: int, shape: tuple[int, int]
    ) -> dict[int, npt.NDArray[np.float32]] | None:
        """A generator's samples of images of ``shape`` (H, W), (S, F) by iteration."""

        def read() -> dict[int, npt.NDArray[np.float32]]:
            found = read_samples(self.store, configuration, replicate)
            if any(points.shape[1] != shape[0] * shape[1] for points in found.values()):
                raise ValueError(f"must hold images of {shape[0]} x {shape[1]} pixels")
            return found

        return self._read(_name(configuration, replicate, "samples.safetensors"), read)

    def weights(self, configuration: str, replicate: int) -> bytes | None:
        """The file of a generator's weights."""
        name = _name(configuration, replicate, "generator.safetensors")
        return self._read(name, lambda: read_weights(self.store, configuration, replicate))

    def training(self, configuration: str, replicate: int) -> pa.Table | None:
        """A generator's training curve."""
        name = _name(configuration, replicate, "training.parquet")
        return self._read(name, lambda: read_training(self.store, configuration, replicate))

    def summary(self) -> dict[str, Any]:
        """Of the sweep's last end; empty where there is none, or it is another sweep's."""
        return self._read(ending.SUMMARY, lambda: _own(ending.read_summary(self.store), self.record)) or {}

    def summary_head(self) -> dict[str, Any]:
        """`summary`, of which the tables may be missing: those of a large sweep take long to read."""
        return self._read(ending.SUMMARY, lambda: _own(ending.read_head(self.store), self.record)) or {}

    def genuine(self) -> dict[int, npt.NDArray[np.float64]]:
        """Genuine points in the plane by class label, (N, 2); empty where the sweep has none."""

        def read() -> dict[int, npt.NDArray[np.float64]]:
            table = self.store.read_table("genuine.parquet")
            xy = np.column_stack([table["x"].to_numpy(), table["y"].to_numpy()]).astype(np.float64)
            labels = table["label"].to_numpy()
            if not np.isfinite(xy).all() or labels.dtype.kind not in "iu":
                raise ValueError("must hold points in the plane and their labels")
            return {int(label): xy[labels == label] for label in np.unique(labels)}

        return self._read("genuine.parquet", read) or {}

    def datasets(self) -> dict[str, Any]:
        """What the sweep's data sets are, by `Settings.dataset_key`; empty where nothing says."""

        def read() -> dict[str, Any]:
            content = json_text.parse(self.store.read(DATA_FILE))
            if not isinstance(content, dict):
                raise ValueError(f"must be a mapping, got {type(content).__name__}")
            return content

        return self._read(DATA_FILE, read) or {}

    def report(self) -> dict[str, bytes]:
        """The files of the report beside the results, by their names in the directory."""
        names = self._read(REPORT, lambda: self.store.names(REPORT)) or []
        found = {name: self._read(name, partial(self.store.read, name)) for name in names}
        return {name: content for name, content in found.items() if content is not None}

    def examine(self) -> None:
        """Read all that results are made of; `damaged` is whole afterwards. What a generator misses is damage too."""
        for _ in self.tables():
            pass
        self._joined_files(self._read(PROBES, lambda: self.store.names(PROBES, ".parquet")) or [])
        self.examine_generators()

    def examine_generators(self) -> None:
        """`examine`, but for the rows."""
        for place, record in self.generators().items():
            self._whole(place, "training.parquet", self.training(*place))
            if record.image_shape is not None:
                self._whole(place, "samples.safetensors", self.samples(*place, record.image_shape))
            if record.outcome == "complete":
                self._whole(place, "poison.safetensors", self.poison(*place))
                self._whole(place, "generator.safetensors", self.weights(*place))

    def _whole(self, place: tuple[str, int], file: str, content: object) -> None:
        if content is None:
            self.damaged.setdefault(_name(*place, file), "is missing")

    def _places(self) -> Iterator[tuple[str, int]]:
        for configuration in self.record.sweep.configurations:
            if configuration.settings.attack.is_trained:
                for replicate in range(configuration.settings.attack.replicates):
                    yield configuration.id, replicate

    def _read(self, name: str, read: Callable[[], T]) -> T | None:
        if name in self.damaged:
            return None
        try:
            return read()
        except FileNotFoundError:  # a directory copied in part
            return None
        except DAMAGE as error:
            reason = reason_of(error)
            if not self._strict:
                self.damaged[name] = reason
                return None
            if isinstance(error, OSError):
                raise
            raise SpecError([f"{redact(self.store.place(name))}: {reason}"]) from None


def _name(configuration: str, replicate: int, name: str) -> str:
    return f"{folder(configuration, replicate)}/{name}"


def _own(content: Any, record: SweepRecord) -> dict[str, Any]:
    """A summary as it was read, if it is this sweep's."""
    if not isinstance(content, dict):
        raise ValueError(f"must be a mapping, got {type(content).__name__}")
    seconds = content.get("seconds", 0)
    if not isinstance(content.get("outcome", ""), str) or not is_duration(seconds):
        raise ValueError("must be a sweep's summary, got an invalid `outcome` or `seconds`")
    if reason := foreign(content, record):
        raise ValueError(reason)
    return content
