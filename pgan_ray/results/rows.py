"""Whether rows are what they must be: of this sweep, of planned cells, with scores that scores can be."""

import hashlib
import json
import math
import posixpath
import re
from collections.abc import Mapping
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pgan_ray.results.identity import foreign
from pgan_ray.results.schema import MAX_SECONDS, OUTCOMES, SCORES, SHARES, VICTIMS
from pgan_ray.spec import Cell, SweepRecord

IDENTITY = b"pgan.sweep"  # of a file's metadata
_CELLS_DIGEST = re.compile(r"(?:b\d+|all)-([0-9a-f]{8})\.parquet")


def component_failed(rows: pa.Table) -> pa.ChunkedArray:
    """Which of the ``rows`` are those of cells that a component failed: mended, it may not."""
    return pc.fill_null(pc.match_substring_regex(rows["message"], r"^the (attack|detector|defence|victim) `"), False)


def cells_digest(cell_ids: list[str]) -> str:
    """Names what is in a file: a later version that cuts batches otherwise must not take one for another."""
    return hashlib.sha256("\n".join(cell_ids).encode()).hexdigest()[:8]


class RowCheck:
    """Checks the rows of one sweep."""

    def __init__(self, record: SweepRecord) -> None:
        self._record = record
        self._configurations = {c.id: c for c in record.sweep.configurations}
        self._fractions = {
            (c.id, v.id): (frozenset(v.evaluation.poison_fractions), v.evaluation.runs)
            for c in record.sweep.configurations
            for v in c.variants
        }
        self.most = record.sweep.cells

    def check(self, name: str, rows: pa.Table) -> None:
        """See that the file ``name`` may hold ``rows``, which are as `VICTIMS` has them. Raises `ValueError`."""
        self._check_origin(rows)
        check_values(rows)
        folder = name.split("/")[1]
        for configuration in pc.unique(rows["configuration"]).to_pylist():
            if configuration != folder:
                raise ValueError(f"must hold cells of the configuration of its folder, got {configuration[:200]!r}")
        columns = ("cell_id", "configuration", "replicate", "variant", "poison_fraction", "run", "confusion")
        for row in rows.select(columns).to_pylist():
            self._check_cell(row)
        digest = _CELLS_DIGEST.fullmatch(posixpath.basename(name))
        if digest and cells_digest(rows["cell_id"].to_pylist()) != digest[1]:
            raise ValueError("must hold the cells that its name stands for, got others")

    def _check_origin(self, rows: pa.Table) -> None:
        said = [json.loads((rows.schema.metadata or {}).get(IDENTITY, b"{}"))]
        said += [{"sweep_id": id_} for id_ in pc.unique(rows["sweep_id"]).to_pylist()]
        for found in said:
            reason = foreign(found, self._record)
            if reason:
                raise ValueError(reason)

    def _check_cell(self, row: Mapping[str, Any]) -> None:
        configuration = self._configurations.get(row["configuration"])
        fractions, runs = self._fractions.get((row["configuration"], row["variant"]), (frozenset(), 0))
        cell = Cell(row["configuration"], row["replicate"], row["variant"], row["poison_fraction"], row["run"])
        if (
            configuration is None
            or not 0 <= cell.replicate < configuration.settings.attack.replicates
            or not 0 <= cell.run < runs
            or cell.poison_fraction not in fractions
            or cell.id != row["cell_id"]
        ):
            raise ValueError(f"must hold cells of the sweep, got {row['cell_id'][:200]!r}")
        classes = len(configuration.settings.task.labels)
        matrix = row["confusion"]
        if matrix is not None and [len(line or ()) for line in matrix] != [classes] * classes:
            raise ValueError(f"{cell.id}: `confusion` must have {classes} rows and columns")


def check_values(rows: pa.Table) -> None:
    """See that the numbers in ``rows`` are some, and that there are scores where there must be. Raises `ValueError`."""
    for column in VICTIMS:
        values = rows[column.name]
        if pa.types.is_floating(column.type) and not _all(pc.is_finite(values)):
            raise ValueError(f"`{column.name}` must hold finite numbers or nulls")
    for name in SHARES:
        if not _all(pc.and_(pc.greater_equal(rows[name], 0), pc.less_equal(rows[name], 1))):
            raise ValueError(f"`{name}` must be from 0 to 1")
    for name, most in (("seconds", MAX_SECONDS), ("train_size", math.inf), ("poison_variance", math.inf)):
        if not _all(pc.and_(pc.greater_equal(rows[name], 0), pc.less_equal(rows[name], most))):
            raise ValueError(f"`{name}` must be 0 or more, and not impossibly large")
    if not _all(pc.is_in(rows["outcome"], pa.array(OUTCOMES))):
        raise ValueError(f"`outcome` must be one of {', '.join(OUTCOMES)}")
    # By what they hold: of a victim of somebody else's, too, none may be trained.
    is_scored = pc.and_(pc.equal(rows["outcome"], "complete"), pc.not_equal(rows["victim"], "none"))
    is_scored = pc.and_(is_scored, reduce(pc.or_, (pc.is_valid(rows[name]) for name in (*SCORES, "confusion"))))
    for name in SCORES:
        if not _all(pc.equal(pc.is_valid(rows[name]), is_scored)):
            raise ValueError(f"`{name}` must be given if and only if the cell is complete and has a victim")
    counts = pc.list_flatten(pc.list_flatten(rows["confusion"]))
    if counts.null_count or not _all(pc.greater_equal(counts, 0)):
        raise ValueError("`confusion` must hold counts")
    lines = rows["boundary"].drop_null()
    if not _all(pc.equal(pc.list_value_length(lines), 3)) or not all(map(_is_line, lines.to_pylist())):
        raise ValueError("`boundary` must hold three finite numbers")


def _is_line(line: list[float | None]) -> bool:
    return all(number is not None and math.isfinite(number) for number in line)


def _all(flags: pa.ChunkedArray) -> bool:
    return pc.all(flags).as_py() in (True, None)
