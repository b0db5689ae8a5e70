"""The victims' rows: one Parquet file for each batch of cells, named by it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from pgan_ray.results.schema import OUTCOMES, SCORES, VICTIMS
from pgan_ray.results.store import Store

FOLDER = "victims"


def write_rows(store: Store, batch_id: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Write the rows of one batch, whole; writing it twice changes nothing. Returns them as a table.

    Raises:
        ValueError: a row is not as `VICTIMS` says. What is not a number never becomes a result.
    """
    for row in rows:
        _check(row)
    table = pa.Table.from_pylist(list(rows), schema=VICTIMS)
    store.write_table(_file(batch_id), table)
    return table


def has_rows(store: Store, batch_id: str) -> bool:
    """Whether the batch is finished."""
    return store.exists(_file(batch_id))


def read_rows(store: Store, configuration: str | None = None) -> pa.Table:
    """All rows so far, or those of one configuration, in the order of their cells' ids; no cell twice."""
    folder = FOLDER if configuration is None else f"{FOLDER}/{configuration}"
    tables = [store.read_table(name) for name in store.names(folder, ".parquet")]
    if not tables:
        return VICTIMS.empty_table()
    table = pa.concat_tables(tables, promote_options="default").sort_by("cell_id")
    ids = table["cell_id"].to_pylist()
    first = [index for index, cell in enumerate(ids) if index == 0 or ids[index - 1] != cell]
    return table.take(first)


def _check(row: Mapping[str, Any]) -> None:
    odd = sorted(set(VICTIMS.names) ^ set(row))
    if odd:
        raise ValueError(f"a row must have the columns of VICTIMS, no more and no less, got a difference in {odd}")
    cell, outcome = row["cell_id"], row["outcome"]
    for column in VICTIMS:
        value = row[column.name]
        if value is None and not column.nullable:
            raise ValueError(f"{cell}: `{column.name}` must be given, got null")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{cell}: `{column.name}` must be a finite number or null, got {value}")
    if outcome not in OUTCOMES:
        raise ValueError(f"{cell}: `outcome` must be one of {', '.join(OUTCOMES)}, got {outcome!r}")
    is_scored = outcome == "complete" and row["victim"] != "none"
    for score in SCORES:
        if (row[score] is None) == is_scored:
            raise ValueError(
                f"{cell}: `{score}` must be given if and only if the cell is complete and has a victim, "
                f"got {row[score]}"
            )


def _file(batch_id: str) -> str:
    return f"{FOLDER}/{batch_id}.parquet"
