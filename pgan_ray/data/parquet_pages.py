"""How much a Parquet file's pages say that they hold, before any is decompressed.

The metadata at the file's end is not enough: Arrow allocates what the header before each page says, and a few bytes
there stand for two thousand million values of a list that the metadata counts as one. Arrow's Python does not give
page headers; they are structs of Thrift's compact protocol, small enough to be walked through here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

_DATA_PAGE, _DATA_PAGE_V2 = 0, 3
_KIND, _PLAIN_BYTES, _STORED_BYTES, _VALUES = 1, 2, 3, 1
_DATA_HEADERS = {_DATA_PAGE: 5, _DATA_PAGE_V2: 8}
"""The field of a page's header that describes it, by the page's kind."""
_BOOLEANS, _INT32, _OTHER_INTEGERS, _BINARY, _STRUCT = (1, 2), 5, (4, 6), 8, 12
"""Types of the compact protocol; a boolean's type is its value."""
_DEEPEST = 8


@dataclass(frozen=True)
class ColumnSize:
    """What one column of one row group holds."""

    values: int
    """Nulls and, for an empty list, one counted too."""
    plain_bytes: int
    """Of all pages, decompressed."""


def column_size(stream: BinaryIO, chunk: Any) -> ColumnSize:
    """What the pages of ``chunk``, pyarrow's metadata of a column, say, as far as Arrow would read them.

    Raises:
        ValueError: a header is damaged.
    """
    position = chunk.data_page_offset
    if chunk.has_dictionary_page and 0 < chunk.dictionary_page_offset < position:
        position = chunk.dictionary_page_offset
    end = position + chunk.total_compressed_size
    values = plain_bytes = 0
    while values < chunk.num_values and position < end:
        stream.seek(position)
        page = _struct(stream)
        described_in = _DATA_HEADERS.get(_number(page, _KIND))
        if described_in:
            header = page.get(described_in)
            values += _number(header if isinstance(header, dict) else {}, _VALUES)
        plain_bytes += _number(page, _PLAIN_BYTES)
        position = stream.tell() + _number(page, _STORED_BYTES)
    return ColumnSize(values, plain_bytes)


def wanted_chunks(metadata: Any, names: list[str]) -> Iterator[tuple[int, Any]]:
    """For each part of the columns ``names``: the rows of its row group, and pyarrow's metadata of it."""
    wanted = set(names)
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for chunk in map(group.column, range(group.num_columns)):
            if chunk.path_in_schema in wanted or chunk.path_in_schema.split(".")[0] in wanted:
                yield group.num_rows, chunk


def _number(fields: dict[int, Any], field: int) -> int:
    number = fields.get(field)
    if not isinstance(number, int) or number < 0:
        raise _damaged()
    return number


def _struct(stream: BinaryIO, depth: int = 0) -> dict[int, Any]:
    """The fields of the struct that ``stream`` stands at, by number: 32-bit integers and structs, None for others."""
    if depth > _DEEPEST:
        raise _damaged()
    fields: dict[int, Any] = {}
    number = 0
    while head := _byte(stream):
        kind, step = head & 0x0F, head >> 4
        number = number + step if step else _integer(stream)
        if number in fields:  # of two, Arrow may take the other one
            raise _damaged()
        fields[number] = _value(stream, kind, depth)
    return fields


def _value(stream: BinaryIO, kind: int, depth: int) -> Any:
    if kind == _STRUCT:
        return _struct(stream, depth + 1)
    if kind == _INT32:
        return _integer(stream)
    if kind in _OTHER_INTEGERS:
        _integer(stream)
    elif kind == _BINARY:
        stream.seek(_unsigned(stream), 1)
    elif kind not in _BOOLEANS:  # page headers have neither doubles nor lists
        raise _damaged()
    return None


def _integer(stream: BinaryIO) -> int:
    zigzag = _unsigned(stream)
    return (zigzag >> 1) ^ -(zigzag & 1)


def _unsigned(stream: BinaryIO) -> int:
    total = 0
    for shift in range(0, 70, 7):
        byte = _byte(stream)
        total |= (byte & 0x7F) << shift
        if byte < 0x80:
            return total
    raise _damaged()


def _byte(stream: BinaryIO) -> int:
    read = stream.read(1)
    if not read:
        raise _damaged()
    return read[0]


def _damaged() -> ValueError:
    return ValueError("a page with a damaged header")
