"""A user's `.csv`, by its columns (`pgan_ray.data.columns`): a line of names, then a line of numbers for each point."""

import csv
import re
from collections.abc import Sequence
from typing import BinaryIO

import pyarrow as pa
from pyarrow import csv as arrow_csv

from pgan_ray.data.columns import LABEL, NUMBER_THE_CLASSES, SPLIT, points_of, wanted_columns
from pgan_ray.data.files import shown
from pgan_ray.data.table import RawPoints, check_size
from pgan_ray.errors import DataError

_LONGEST_LINE = 16 << 20
"""In bytes: some 800,000 features. Arrow takes no line that is longer than a block."""
_VALUE_BYTES = 8


def read_csv(stream: BinaryIO, where: str) -> tuple[RawPoints, RawPoints | None]:
    """Training points, and test points where the file, called ``where``, has a column `split`.

    Commas between, UTF-8; each column but `label` and `split` is a feature, in the file's order. An empty place, `NA`
    or `nan` is a null.

    Raises:
        DataError: the file is no table of numbers or too large, or columns are missing or hold nulls.
    """
    head = stream.readline(_LONGEST_LINE)
    names: list[str] = []
    try:
        names = next(csv.reader([head.decode("utf-8-sig")]), [])
        # Arrow would guess types from the first block: whole numbers there may be fractions further down.
        types = {name: pa.int64() if name == LABEL else pa.float64() for name in names} | {SPLIT: pa.string()}
        wanted = wanted_columns(where, pa.schema([(name, types[name]) for name in names]))
        stream.seek(0)
        batches = arrow_csv.open_csv(
            stream,
            read_options=arrow_csv.ReadOptions(use_threads=False, block_size=_LONGEST_LINE),
            convert_options=arrow_csv.ConvertOptions(column_types=types, include_columns=wanted),
        )
        table, values = [], 0
        for batch in batches:
            values += batch.num_rows * len(wanted)
            check_size(where, values * _VALUE_BYTES)
            table.append(batch)
        return points_of(where, pa.Table.from_batches(table, batches.schema))
    except (OSError, ValueError, csv.Error, pa.ArrowException) as error:
        rule = _broken_rule(str(error), names)
        rule = rule or f"must be numbers separated by commas, under a line of column names, got: {shown(error)}"
        raise DataError(f"{where}: {rule}") from error


def _broken_rule(message: str, names: Sequence[str]) -> str | None:
    """Which value of which column is none, by Arrow's ``message``; None where it speaks of something else."""
    found = re.search(r"In CSV column #(\d+): Row #(\d+): .*invalid value '(.*)'", message, re.DOTALL)
    if found is None:
        return None
    name, value = names[int(found[1])], shown(found[3])
    kind, hint = ("whole numbers", f"; {NUMBER_THE_CLASSES}") if name == LABEL else ("numbers", "")
    return f"line {found[2]}: column `{shown(name)}` must hold {kind}, got '{value}'{hint}"
