"""A user's `.parquet`: a column `label`, and a list column `features` or numeric columns, one a feature.

A column `split`, if there is one, says `train` or `test` of each row.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pgan_ray.data.dataset import Array
from pgan_ray.data.table import RawPoints
from pgan_ray.errors import DataError

_LABEL, _FEATURES, _SPLIT = "label", "features", "split"
_SPLITS = {"train", "test"}


def read_parquet(path: Path) -> tuple[RawPoints, RawPoints | None]:
    """Training points, and test points where the file has a column `split`.

    Beside a list column `features` all further columns are left alone; else each column but `label` and
    `split` is a feature, in the file's order.

    Raises:
        DataError: the file is damaged, or columns are missing, hold nulls, or are not of a type that serves.
    """
    try:
        # Not `read_table`: it makes columns out of `key=value` folders above the file.
        table = pq.ParquetFile(path).read()
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: must be a Parquet file, got: {error}") from error
    names = table.column_names
    if len(set(names)) != len(names):
        raise DataError(f"{path}: columns must have different names, got {', '.join(names)}")
    if _LABEL not in names:
        raise DataError(f"{path}: must have a column `{_LABEL}`, got {', '.join(names) or 'no columns'}")
    labels = _numbers(path, _LABEL, table.column(_LABEL))
    features = _features(path, table)
    if _SPLIT not in names:
        return RawPoints(features, labels, _FEATURES, _LABEL), None
    is_test = _is_test(path, table.column(_SPLIT))
    train, test = (RawPoints(features[rows], labels[rows], _FEATURES, _LABEL) for rows in (~is_test, is_test))
    return train, test


def _features(path: Path, table: Any) -> Array:
    """(N, F)"""
    if _FEATURES in table.column_names and _is_list(table.column(_FEATURES).type):
        return _from_lists(path, table.column(_FEATURES))
    names = [name for name in table.column_names if name not in (_LABEL, _SPLIT)]
    if not names:
        raise DataError(f"{path}: must have a list column `{_FEATURES}` or numeric columns beside `{_LABEL}`, got none")
    columns = [_numbers(path, name, table.column(name)) for name in names]
    if all(column.dtype == np.uint8 for column in columns):
        return np.column_stack(columns)
    return np.column_stack([column.astype(np.float64) for column in columns])


def _is_list(kind: Any) -> bool:
    return bool(pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _from_lists(path: Path, column: Any) -> Array:
    _refuse_nulls(path, _FEATURES, column)
    lengths = pc.unique(pc.list_value_length(column)).to_pylist()
    if len(lengths) > 1:
        raise DataError(f"{path}: lists in `{_FEATURES}` must be equally long, got {min(lengths)} to {max(lengths)}")
    values = _numbers(path, _FEATURES, pc.list_flatten(column))
    return values.reshape(len(column), lengths[0] if lengths else 0)


def _numbers(path: Path, name: str, column: Any) -> Array:
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise DataError(f"{path}: column `{name}` must be numeric, got {kind}")
    _refuse_nulls(path, name, column)
    values: Array = column.to_numpy()
    return values


def _refuse_nulls(path: Path, name: str, column: Any) -> None:
    if column.null_count:
        raise DataError(f"{path}: column `{name}` must have no nulls, got {column.null_count}")


def _is_test(path: Path, column: Any) -> npt.NDArray[np.bool_]:
    found = set(column.unique().to_pylist())
    if found != _SPLITS:
        raise DataError(
            f"{path}: column `{_SPLIT}` must hold `train` and `test`, both and no others, got {sorted(map(str, found))}"
        )
    return np.asarray(column.to_numpy() == "test", dtype=np.bool_)
