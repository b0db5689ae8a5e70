"""A user's `.parquet`, by its columns (`pgan_ray.data.columns`)."""

from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pgan_ray.data.columns import FEATURES, SPLIT, is_list, points_of, wanted_columns
from pgan_ray.data.files import shown
from pgan_ray.data.parquet_pages import column_size, wanted_chunks
from pgan_ray.data.table import FLOAT32_BYTES, RawPoints, check_size
from pgan_ray.errors import DataError

_MIXED_BYTES = 8
"""Of a value where columns become features: they may be of several types."""


def read_parquet(stream: BinaryIO, where: str) -> tuple[RawPoints, RawPoints | None]:
    """Training points, and test points where the file, called ``where``, has a column `split`.

    Which columns are what: `pgan_ray.data.columns`.

    Raises:
        DataError: the file is damaged or too large, or columns are missing, hold nulls, or are not of a type that
            serves.
    """
    try:
        # Not `read_table`: it makes columns out of `key=value` folders above the file.
        file = pq.ParquetFile(stream, pre_buffer=False)
        names = wanted_columns(where, file.schema_arrow)
        _check_size(where, file, stream, names)
        if SPLIT in names:
            # As a dictionary: long texts in the place of `train` and `test` are not repeated in each row.
            file = pq.ParquetFile(stream, metadata=file.metadata, read_dictionary=[SPLIT], pre_buffer=False)
        # One column after another: pages being decompressed at the same time would add up.
        table = file.read(columns=names, use_threads=False)
        table.validate(full=True)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{where}: must be a whole Parquet file, got: {shown(error)}") from error
    return points_of(where, table)


def _check_size(where: str, file: Any, stream: BinaryIO, names: list[str]) -> None:
    """Refuse more than we would hold: as the metadata counts, and then, read from every page, as the pages do."""
    kind = file.schema_arrow.field(FEATURES).type if FEATURES in names else None
    value_bytes = max(kind.value_type.bit_width // 8, FLOAT32_BYTES) if kind and is_list(kind) else _MIXED_BYTES
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
