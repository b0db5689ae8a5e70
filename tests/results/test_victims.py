"""The victims' rows."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pgan_ray.results import SCORES, VICTIMS, Store, read_rows, write_rows
from pgan_ray.results.rows import check_values

from .rows import diverged, row


def test_rows_are_written_and_read(store: Store) -> None:
    assert read_rows(store).equals(VICTIMS.empty_table())
    rows = [row("alpha=0.1/r0/f0.2/run0"), diverged("alpha=0.1/r0/f0.2/run1", rejected_poison=None)]
    written = write_rows(store, "alpha=0.1/r0/b000", rows)
    read = read_rows(store)
    assert read.equals(written)
    assert read.schema.equals(VICTIMS)
    assert read.to_pylist(maps_as_pydicts="strict") == rows
    assert [read[score].to_pylist()[1] for score in SCORES] == [None, None, None]


def test_a_cell_without_a_victim_is_complete_without_scores(store: Store) -> None:
    alone = row(victim="none", confusion=None, **dict.fromkeys(SCORES))
    write_rows(store, "b", [alone])
    assert read_rows(store).to_pylist(maps_as_pydicts="strict") == [alone]


def test_matrices_of_any_size_and_boundaries_are_read_back(store: Store) -> None:
    ten = [[10 * true + taken for taken in range(10)] for true in range(10)]
    rows = [
        row("a=1/r0/f0.2/run0", confusion=ten),
        row("a=1/r0/f0.2/run1", victim="logistic", boundary=[0.1, -2.5, 1e-9]),
    ]
    write_rows(store, "b", rows)
    assert read_rows(store).to_pylist(maps_as_pydicts="strict") == rows


def test_writing_twice_changes_nothing(store: Store) -> None:
    rows = [row(f"alpha=0.1/r0/f0.2/run{run}") for run in range(3)]
    write_rows(store, "alpha=0.1/r0/b000", rows)
    before = read_rows(store)
    write_rows(store, "alpha=0.1/r0/b000", rows)
    assert read_rows(store).equals(before)
    assert store.names("victims") == ["victims/alpha=0.1/r0/b000.parquet"]


def test_a_cell_is_counted_once(store: Store) -> None:
    """A resumed sweep may have cut its batches otherwise."""
    write_rows(store, "alpha=0.1/r0/b000", [row(f"alpha=0.1/r0/f0.2/run{run}") for run in (0, 1)])
    write_rows(store, "alpha=0.1/r0/b001", [row(f"alpha=0.1/r0/f0.2/run{run}", test_error=0.9) for run in (1, 2)])
    rows = read_rows(store).to_pylist()
    assert [(r["run"], r["test_error"]) for r in rows] == [(0, 0.04), (1, 0.04), (2, 0.9)]


def test_rows_come_in_the_order_of_their_ids(store: Store) -> None:
    ids = [f"{c}/r{r}/f{f}/run0" for c in ("a=2", "a=1") for r in (1, 0) for f in (0.4, 0.1)]
    for index, cell in enumerate(ids):
        write_rows(store, f"{cell.split('/')[0]}/b{index}", [row(cell)])
    assert read_rows(store)["cell_id"].to_pylist() == sorted(ids)


def test_one_configuration_does_not_pick_up_another_whose_name_starts_alike(store: Store) -> None:
    for configuration in ("alpha=0.1", "alpha=0.15", "alpha=0.1,seed=1"):
        write_rows(store, f"{configuration}/r0/b000", [row(f"{configuration}/r0/f0.2/run0")])
    for configuration in ("alpha=0.1", "alpha=0.15", "alpha=0.1,seed=1"):
        assert read_rows(store, configuration)["configuration"].to_pylist() == [configuration]
    assert read_rows(store, "alpha=0").num_rows == 0
    assert read_rows(store).num_rows == 3


def test_unfinished_batches_are_not_read(store: Store) -> None:
    write_rows(store, "alpha=0.1/r0/b000", [row()])
    store.write("victims/alpha=0.1/r0/.b001.parquet.7.partial", b"half")
    assert read_rows(store).num_rows == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"test_eror": 0.1},
            r"must have the columns of VICTIMS, no more and no less, got a difference in \['test_eror'\]",
        ),
        ({"configuration": None}, r"run0: `configuration` must be given, got null"),
        ({"train_size": None}, "`train_size` must be given, got null"),
        ({"test_error": float("nan")}, "`test_error` must be a finite number or null, got nan"),
        ({"rejected_poison": float("inf")}, "`rejected_poison` must be a finite number or null, got inf"),
        ({"seconds": float("nan")}, "`seconds` must be a finite number or null, got nan"),
        ({"outcome": "done"}, "`outcome` must be one of complete, diverged, failed, got 'done'"),
        (
            {"test_error": None},
            "`test_error` must be given if and only if the cell is complete and has a victim, got None",
        ),
        (
            {"outcome": "diverged"},
            r"`test_error` must be given if and only if the cell is complete and has a victim, got 0\.04",
        ),
        ({"victim": "none"}, r"`test_error` must be given if and only if .* has a victim, got 0\.04"),
        ({"outcome": "failed", "test_error": None}, "`false_positive_rate` must be given if and only if"),
    ],
)
def test_a_row_is_as_the_schema_says(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    store = Store(tmp_path)
    with pytest.raises(ValueError, match=message):
        write_rows(store, "b", [row(), row(**changes)])
    assert store.names("") == []


def test_a_victim_that_is_not_trained_has_no_scores_whatever_its_name(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write_rows(store, "alpha=0.1/b", [row(victim="theirs", confusion=None, **dict.fromkeys(SCORES))])
    rows = read_rows(store)
    check_values(rows)
    half = rows.set_column(rows.column_names.index("confusion"), "confusion", [[[[1, 0], [0, 1]]]])
    with pytest.raises(ValueError, match="`test_error` must be given if and only if"):
        check_values(half.cast(VICTIMS))


def test_a_missing_column_is_refused(tmp_path: Path) -> None:
    short = row()
    del short["seconds"]
    with pytest.raises(ValueError, match=r"got a difference in \['seconds'\]"):
        write_rows(Store(tmp_path), "b", [short])


@pytest.mark.parametrize(
    "changes", [{"replicate": "one"}, {"replicate": 1 << 40}, {"percentile": "0.1"}, {"victim": 3}]
)
def test_a_value_of_another_type_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    store = Store(tmp_path)
    with pytest.raises(
        (pa.ArrowInvalid, pa.ArrowTypeError), match=r"int32|double|string|bytes|tried to convert|too large"
    ):
        write_rows(store, "b", [row(**changes)])
    assert store.names("") == []


def test_columns_that_rows_of_an_earlier_version_lack_are_nulls(store: Store) -> None:
    new, old = (row(f"alpha=0.1/r0/f0.2/run{run}", device="cpu: old") for run in range(2))
    write_rows(store, "alpha=0.1/r0/new", [new])
    less = pa.Table.from_pylist([old], schema=VICTIMS).drop_columns(["defence", "device"])
    store.write_table("victims/alpha=0.1/r0/old.parquet", less)
    table = read_rows(store)
    assert table.schema == VICTIMS
    assert [one["device"] for one in table.to_pylist()] == ["cpu: old", None]
    store.write_table("victims/alpha=0.1/r0/old.parquet", less.drop_columns(["seconds"]))
    with pytest.raises(ValueError, match=r"must be a table of rows, got .*seconds"):
        read_rows(store)


THREADS_OF = """
import io, os, sys, time
from pathlib import Path
import pyarrow.parquet as pq
from pgan_ray.results import PackedTables, Store, read_rows
def threads():
    return len(os.listdir("/proc/self/task"))
store, packed, before = Store(sys.argv[1]), PackedTables(), threads()
packed["base"] = read_rows(store)
packed["base"].num_rows
(name,) = store.names("victims")
store.read_table(name)
ours = threads() - before
pq.read_table(io.BytesIO(store.read(name)))
print(ours, threads() - before)
time.sleep(0.5)  # else this one may be aborted
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the threads of a process are counted on Linux")
def test_no_thread_is_left_that_holds_what_was_read(tmp_path: Path) -> None:
    """One that still lets go of it when the process ends would abort it, its work done."""
    write_rows(Store(tmp_path), "b", [row()])
    command = [sys.executable, "-c", THREADS_OF, str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    ours, as_arrow_does = map(int, found.stdout.split())
    assert ours == 0 < as_arrow_does
