"""Two sweeps' directories, bit by bit, but for times and ids."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pgan_ray.results import Store, read_record, read_training

BITS = ("generator.safetensors", "poison.safetensors", "samples.safetensors")


def assert_same_results(one: Path, other: Path) -> None:
    """The same generators and the same rows, no row twice."""
    assert _generators(one) == _generators(other)
    assert _rows(one) == _rows(other)


def _rows(directory: Path) -> list[Mapping[str, Any]]:
    """In the order of their cells, read from the files themselves: `read_rows` would hide one that is there twice."""
    tables = [pq.read_table(file, partitioning=None) for file in (directory / "victims").rglob("*.parquet")]
    rows = pa.concat_tables(tables).sort_by("cell_id").drop_columns(["seconds", "sweep_id"])
    cells = rows["cell_id"].to_pylist()
    assert len(set(cells)) == len(cells)
    found: list[Mapping[str, Any]] = rows.to_pylist()
    return found


def _generators(directory: Path) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for file in (directory / "generators").rglob("record.json"):
        name = str(file.parent.relative_to(directory / "generators"))
        configuration, _, replicate = name.rpartition("/r")
        store = Store(directory)
        record = read_record(store, configuration, int(replicate))
        curve = read_training(store, configuration, int(replicate)).drop_columns(["timestamp_ms"])
        bits = [(file.parent / bits).read_bytes() for bits in BITS]
        assert record is not None
        found[name] = (record.outcome, record.iterations, bits, curve.to_pylist())
    return found
