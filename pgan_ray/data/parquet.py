"""A user's `.parquet`: a column `label`, and a list column `features` or numeric columns, one a feature.

A column `split`, if there is one, says `train` or `test` of each row.
"""

from collections import Counter
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pgan_ray.data.dataset import Array
from pgan_ray.data.files import listed, shown
from pgan_ray.data.parquet_pages import column_size, wanted_chunks
from pgan_ray.data.table import FLOAT32_BYTES, RawPoints, check_size
from pgan_ray.errors import DataError

_LABEL, _FEATURES, _SPLIT = "label", "features", "split"
_SPLITS = {"train", "test"}
_MIXED_BYTES = 8
"""Of a value where columns become features: they may be of several types."""


def read_parquet(stream: BinaryIO, where: str) -> tuple[RawPoints, RawPoints | None]:
    """Training points, and test points where the file, called ``where``, has a column `split`.

    Beside a list column `features` all further columns are left alone; else each column but `label` and
    `split` is a feature, in the file's order.

    Raises:
        DataError: the file is damaged or too large, or columns are missing, hold nulls, or are not of a type that
            serves.
    """
    try:
        # Not `read_table`: it makes columns out of `key=value` folders above the file.
        file = pq.ParquetFile(stream)
        names = _wanted(where, file.schema_arrow)
        _check_size(where, file, stream, names)
        if _SPLIT in names:
            # As a dictionary: long texts in the place of `train` and `test` are not repeated in each row.
            file = pq.ParquetFile(stream, metadata=file.metadata, read_dictionary=[_SPLIT])
        # One column after another: pages being decompressed at the same time would add up.
        table = file.read(columns=names, use_threads=False)
        table.validate(full=True)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{where}: must be a whole Parquet file, got: {shown(error)}") from error
    labels = _numbers(where, _LABEL, table.column(_LABEL))
    features = _features(where, table)
    if _SPLIT not in names:
        return RawPoints(features, labels, _FEATURES, _LABEL), None
    is_test = _is_test(where, table.column(_SPLIT))
    train, test = (RawPoints(features[rows], labels[rows], _FEATURES, _LABEL) for rows in (~is_test, is_test))
    return train, test


def _wanted(where: str, schema: Any) -> list[str]:
    """The columns to read: their types are known to serve before a value is."""
    names: list[str] = schema.names
    if len(set(names)) != len(names):
        twice = [name for name, count in Counter(names).items() if count > 1]
        raise DataError(f"{where}: columns must have different names, got more than one {listed(twice)}")
    if _LABEL not in names:
        raise DataError(f"{where}: must have a column `{_LABEL}`, got {listed(names) or 'no columns'}")
    features = [name for name in names if name not in (_LABEL, _SPLIT)]
    if _FEATURES in names and _is_list(schema.field(_FEATURES).type):
        features = [_FEATURES]
        clashing = [name for name in names if name.startswith((f"{_LABEL}.", f"{_FEATURES}.", f"{_SPLIT}."))]
        if clashing:  # Arrow takes them for parts of the column before the dot
            raise DataError(f"{where}: columns must not be named like parts of other columns, got {listed(clashing)}")
        _require_numeric(where, _FEATURES, schema.field(_FEATURES).type.value_type)
    elif not features:
        raise DataError(
            f"{where}: must have a list column `{_FEATURES}` or numeric columns beside `{_LABEL}`, got none"
        )
    else:
        for name in features:
            _require_numeric(where, name, schema.field(name).type)
    label = schema.field(_LABEL).type
    if not (pa.types.is_integer(label) or pa.types.is_boolean(label)):
        raise DataError(f"{where}: `{_LABEL}` must be whole numbers of an integer type, got {shown(label)}")
    if _SPLIT in names:
        _require_text(where, schema.field(_SPLIT).type)
    return [_LABEL, *features, *([_SPLIT] if _SPLIT in names else [])]


def _require_numeric(where: str, name: str, kind: Any) -> None:
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise DataError(f"{where}: column `{shown(name)}` must be numeric, got {shown(kind)}")


def _require_text(where: str, kind: Any) -> None:
    text = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (pa.types.is_string(text) or pa.types.is_large_string(text)):
        raise DataError(
            f"{where}: column `{_SPLIT}` must hold `train` and `test`, both and no others, got {shown(kind)}"
        )


def _check_size(where: str, file: Any, stream: BinaryIO, names: list[str]) -> None:
    """Refuse more than we would hold: as the metadata counts, and then, read from every page, as the pages do."""
    kind = file.schema_arrow.field(_FEATURES).type if _FEATURES in names else None
    value_bytes = max(kind.value_type.bit_width // 8, FLOAT32_BYTES) if kind and _is_list(kind) else _MIXED_BYTES
    told = plain = counted = 0
    chunks = list(wanted_chunks(file.metadata, names))
    for rows, chunk in chunks:
        if min(rows, chunk.num_values) < 0:
            raise ValueError("a negative number of rows")
        told += max(rows, chunk.num_values)
    check_size(where, told * value_bytes)
    for _, chunk in chunks:
        size = column_size(stream, chunk)
        counted += size.values
        plain += size.plain_bytes
        check_size(where, max(counted * value_bytes, plain))


def _features(where: str, table: Any) -> Array:
    """(N, F)"""
    if _FEATURES in table.column_names and _is_list(table.column(_FEATURES).type):
        return _from_lists(where, table.column(_FEATURES))
    names = [name for name in table.column_names if name not in (_LABEL, _SPLIT)]
    if not names:
        raise DataError(
            f"{where}: must have a list column `{_FEATURES}` or numeric columns beside `{_LABEL}`, got none"
        )
    columns = [_numbers(where, name, table.column(name)) for name in names]
    if all(column.dtype == np.uint8 for column in columns):
        return np.column_stack(columns)
    return np.column_stack([column.astype(np.float64) for column in columns])


def _is_list(kind: Any) -> bool:
    return bool(pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _from_lists(where: str, column: Any) -> Array:
    _refuse_nulls(where, _FEATURES, column)
    lengths = pc.unique(pc.list_value_length(column)).to_pylist()
    if len(lengths) > 1:
        raise DataError(f"{where}: lists in `{_FEATURES}` must be equally long, got {min(lengths)} to {max(lengths)}")
    values = _numbers(where, _FEATURES, pc.list_flatten(column))
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
        raise DataError(
            f"{where}: column `{_SPLIT}` must hold `train` and `test`, both and no others, "
            f"got {listed(sorted(map(str, found)))}"
        )
    return np.asarray(column.to_numpy() == "test", dtype=np.bool_)
