"""The victims' rows: one Parquet file for each batch of cells, named by it; one for each finished configuration."""

import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from pgan_ray.results.rows import IDENTITY, RowCheck
from pgan_ray.results.schema import OUTCOMES, SCORES, VICTIMS
from pgan_ray.results.store import Store, parquet_file

FOLDER = "victims"


def write_rows(
    store: Store, batch_id: str, rows: Sequence[Mapping[str, Any]], identity: Mapping[str, str] | None = None
) -> pa.Table:
    """Write the rows of one batch, whole; writing it twice changes nothing. Returns them as a table.

    ``identity``: of the sweep (`pgan_ray.results.identity`), which the file keeps beside its columns.

    Raises:
        ValueError: a row is not as `VICTIMS` says. What is not a number never becomes a result.
    """
    table = table_of(rows)
    store.write_table(file_of(batch_id), identified(table, identity or {}))
    return table


def table_of(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """``rows`` as a table. Raises `ValueError` where one is not as `VICTIMS` says."""
    for row in rows:
        _check(row)
    return pa.Table.from_pylist(list(rows), schema=VICTIMS)


def identified(rows: pa.Table, identity: Mapping[str, str]) -> pa.Table:
    """``rows`` with whose they are, for a file."""
    return rows.replace_schema_metadata({IDENTITY: json.dumps(dict(identity))})


def row_files(store: Store, configuration: str | None = None) -> list[str]:
    """The names of the files of all rows, or of those of one configuration."""
    return store.names(FOLDER if configuration is None else folder(configuration), ".parquet")


def folder(configuration: str) -> str:
    """Where the files of one configuration are."""
    return f"{FOLDER}/{configuration}"


def read_file(store: Store, name: str, check: RowCheck | None = None) -> pa.Table:
    """The rows in the file ``name``, as `VICTIMS` has them. Raises `ValueError` where they are not as they must be.

    Columns that rows of an earlier version lack are nulls.
    """
    content = store.read(name)
    try:
        file = parquet_file(content)
        if check is not None and file.metadata.num_rows > check.most:
            raise ValueError(f"must hold at most {check.most:,} rows, got {file.metadata.num_rows:,}")
        rows = file.read(use_threads=False)
        said = rows.schema.metadata
        for column in VICTIMS:
            if column.nullable and column.name not in rows.column_names:
                rows = rows.append_column(column, pa.nulls(len(rows), column.type))
        rows = rows.select(VICTIMS.names).cast(VICTIMS)
        rows.validate(full=True)
    except (OSError, KeyError, TypeError, MemoryError, NotImplementedError) as error:
        raise ValueError(f"must be a table of rows, got {' '.join(str(error).split())}") from None
    if check is not None:
        check.check(name, rows.replace_schema_metadata(said))
    return rows


def joined(tables: Iterable[pa.Table]) -> pa.Table:
    """The rows of several files in the order of their cells' ids; no cell twice."""
    table = pa.concat_tables([VICTIMS.empty_table(), *tables])
    ids = table["cell_id"].to_pylist()
    if all(one < other for one, other in itertools.pairwise(ids)):
        return table.combine_chunks()
    table = table.sort_by("cell_id")
    ids = table["cell_id"].to_pylist()
    return table.take([index for index, cell in enumerate(ids) if index == 0 or ids[index - 1] != cell])


def read_rows(store: Store, configuration: str | None = None) -> pa.Table:
    """All rows so far, or those of one configuration, as they are: `Directory.rows` says which hold."""
    return joined(read_file(store, name) for name in row_files(store, configuration))


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
    for name, value in dict(row["attack_parameters"]).items():
        if not math.isfinite(value):
            raise ValueError(f"{cell}: `attack_parameters.{name}` must be a finite number, got {value}")
    if outcome not in OUTCOMES:
        raise ValueError(f"{cell}: `outcome` must be one of {', '.join(OUTCOMES)}, got {outcome!r}")
    is_judged = any(row[name] is not None for name in (*SCORES, "confusion"))
    is_scored = is_judged and outcome == "complete" and row["victim"] != "none"
    for score in SCORES:
        if (row[score] is None) == is_scored:
            raise ValueError(
                f"{cell}: `{score}` must be given if and only if the cell is complete and has a victim, "
                f"got {row[score]}"
            )


def file_of(batch_id: str) -> str:
    """The name of the file of one batch."""
    return f"{FOLDER}/{batch_id}.parquet"
