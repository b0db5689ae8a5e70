"""Victims' rows as an artifact, written a part at a time: all of a large sweep's are never in memory."""

import tempfile
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from pgan_ray.results import VICTIMS
from pgan_ray.tracking.runs import KnownRun, Runs

NAME = "victims.parquet"
ROWS_PER_GROUP = 10_000  # a group for each configuration would be many small ones


class RowsFile:
    """A temporary file, which `log` brings to a run."""

    def __enter__(self) -> "RowsFile":
        self._folder = tempfile.TemporaryDirectory()
        self._file = Path(self._folder.name, NAME)
        self._writer = pq.ParquetWriter(self._file, VICTIMS, compression="zstd")
        self._waiting: list[pa.Table] = []
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        self._folder.cleanup()

    def add(self, rows: pa.Table) -> None:
        """Write some rows more."""
        self._waiting.append(rows)
        if sum(table.num_rows for table in self._waiting) >= ROWS_PER_GROUP:
            self._flush()

    def log(self, runs: Runs, run: KnownRun) -> None:
        """Log the file, to which no rows are added afterwards."""
        self._flush()
        self._writer.close()
        runs.client.log_artifact(run.id, str(self._file))

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting))
            self._waiting = []
