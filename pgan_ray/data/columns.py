"""Points out of named columns: `label`, and a list column `features` or numeric columns, one a feature.

A column `split`, if there is one, says `train` or `test` of each row.
"""

import re
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pgan_ray.data.dataset import Array
from pgan_ray.data.files import listed, shown
from pgan_ray.data.table import RawPoints
from pgan_ray.errors import DataError

LABEL, FEATURES, SPLIT = "label", "features", "split"
NUMBER_THE_CLASSES = "number the classes, as `pandas.factorize` does"
_SPLITS = {"train", "test"}
_MUST_HAVE_FEATURES = f"must have numeric columns, or a list column `{FEATURES}`, beside `{LABEL}`, got neither"
_BOTH_SPLITS = f"column `{SPLIT}` must hold both `train` and `test`, and nothing else"


def wanted_columns(where: str, schema: Any) -> list[str]:
    """The columns to read: their types are known to serve before a value is.

    Raises:
        DataError: columns are missing, share a name, or are not of a type that serves.
    """
    names: list[str] = schema.names
    if len(set(names)) != len(names):
        twice = [name for name, count in Counter(names).items() if count > 1]
        raise DataError(f"{where}: column names must be unique, got more than one {listed(twice)}")
    if LABEL not in names:
        raise DataError(f"{where}: must have a column `{LABEL}`, got {listed(names) or 'no columns'}")
    features = [name for name in names if name not in (LABEL, SPLIT)]
    if FEATURES in names and is_list(schema.field(FEATURES).type):
        features = [FEATURES]
        clashing = [name for name in names if name.startswith((f"{LABEL}.", f"{FEATURES}.", f"{SPLIT}."))]
        if clashing:  # Arrow takes them for parts of the column before the dot
            raise DataError(
                f"{where}: column names must not begin with another column's name and a dot, got {listed(clashing)}"
            )
        _require_numeric(where, FEATURES, schema.field(FEATURES).type.value_type)
    elif not features:
        raise DataError(f"{where}: {_MUST_HAVE_FEATURES}")
    else:
        for name in features:
            _refuse_index(where, name)
            _require_numeric(where, name, schema.field(name).type)
    label = schema.field(LABEL).type
    if not (pa.types.is_integer(label) or pa.types.is_boolean(label)):
        hint = f"; {NUMBER_THE_CLASSES}" if _is_text(label) else ""
        raise DataError(f"{where}: `{LABEL}` must be whole numbers of an integer type, got {shown(label)}{hint}")
    if SPLIT in names:
        _require_text(where, schema.field(SPLIT).type)
    return [LABEL, *features, *([SPLIT] if SPLIT in names else [])]


def points_of(where: str, table: Any) -> tuple[RawPoints, RawPoints | None]:
    """Training points, and test points where the ``table`` has a column `split`; ``where`` names its file.

    Beside a list column `features` all further columns are left alone; else each column but `label` and
    `split` is a feature, in the table's order.

    Raises:
        DataError: columns hold nulls, or lists of different lengths.
    """
    labels = _numbers(where, LABEL, table.column(LABEL))
    features = _features(where, table)
    if SPLIT not in table.column_names:
        return RawPoints(features, labels, FEATURES, LABEL), None
    is_test = _is_test(where, table.column(SPLIT))
    train, test = (RawPoints(features[rows], labels[rows], FEATURES, LABEL) for rows in (~is_test, is_test))
    return train, test


def _refuse_index(where: str, name: str) -> None:
    # Row numbers, which pandas writes so, tell a classifier the order of the points, and often their class.
    if name == "" or re.fullmatch(r"__index_level_\d+__|Unnamed: \d+", name):
        got = "one without a name" if name == "" else f"`{name}`"
        raise DataError(
            f"{where}: each column must be a feature and have a name, got {got}: if it holds a table's row numbers, "
            "save the table without them (`index=False`)"
        )


def _require_numeric(where: str, name: str, kind: Any) -> None:
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise DataError(f"{where}: column `{shown(name)}` must be numeric, got {shown(kind)}")


def _require_text(where: str, kind: Any) -> None:
    if not _is_text(kind):
        raise DataError(f"{where}: {_BOTH_SPLITS}, got {shown(kind)}")


def _is_text(kind: Any) -> bool:
    text = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(text) or pa.types.is_large_string(text))


def _features(where: str, table: Any) -> Array:
    """(N, F)"""
    if FEATURES in table.column_names and is_list(table.column(FEATURES).type):
        return _from_lists(where, table.column(FEATURES))
    names = [name for name in table.column_names if name not in (LABEL, SPLIT)]
    if not names:
        raise DataError(f"{where}: {_MUST_HAVE_FEATURES}")
    columns = [_numbers(where, name, table.column(name)) for name in names]
    if all(column.dtype == np.uint8 for column in columns):
        return np.column_stack(columns)
    return np.column_stack([column.astype(np.float64) for column in columns])


def is_list(kind: Any) -> bool:
    """Whether a column's type is one of lists."""
    return bool(pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _from_lists(where: str, column: Any) -> Array:
    _refuse_nulls(where, FEATURES, column)
    lengths = pc.unique(pc.list_value_length(column)).to_pylist()
    if len(lengths) > 1:
        raise DataError(
            f"{where}: lists in `{FEATURES}` must all have the same length, got {min(lengths)} to {max(lengths)}"
        )
    values = _numbers(where, FEATURES, pc.list_flatten(column))
    return values.reshape(len(column), lengths[0] if lengths else 0)


def _numbers(where: str, name: str, column: Any) -> Array:
    _refuse_nulls(where, name, column)
    values: Array = column.to_numpy()
    return values


def _refuse_nulls(where: str, name: str, column: Any) -> None:
    if column.null_count:
        raise DataError(f"{where}: column `{shown(name)}` must have no nulls, got {column.null_count}")


def _is_test(where: str, column: Any) -> npt.NDArray[np.bool_]:
    found = set(column.unique().to_pylist())
    if found != _SPLITS:
        raise DataError(f"{where}: {_BOTH_SPLITS}, got {listed(sorted(map(str, found)))}")
    return np.asarray(column.to_numpy() == "test", dtype=np.bool_)
