"""Small tables, one of each of many configurations: as Arrow has them, each takes several times its numbers' room."""

from collections.abc import Iterator, Mapping
from functools import lru_cache

import pyarrow as pa

# Without threads, as `parquet_file`.
_WRITING, _READING = (
    pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False),
    pa.ipc.IpcReadOptions(use_threads=False),
)


class PackedTables(Mapping[str, pa.Table]):
    """Tables by configuration, packed until they are looked at."""

    def __init__(self) -> None:
        self._packed: dict[str, bytes] = {}

    def __setitem__(self, configuration: str, table: pa.Table) -> None:
        content = pa.BufferOutputStream()
        with pa.ipc.new_stream(content, table.schema, options=_WRITING) as stream:
            stream.write_table(table)
        self._packed[configuration] = content.getvalue().to_pybytes()

    def __getitem__(self, configuration: str) -> pa.Table:
        return _unpacked(self._packed[configuration])

    def __contains__(self, configuration: object) -> bool:
        return configuration in self._packed

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


@lru_cache(maxsize=8)  # one configuration's are looked at several times in a row, beside its controls'
def _unpacked(content: bytes) -> pa.Table:
    return pa.ipc.open_stream(content, options=_READING).read_all()
