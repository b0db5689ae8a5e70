"""One file for each finished configuration: the same rows before, during and after, whatever ends the process."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pgan_ray.errors import SpecError
from pgan_ray.results import Directory, FinishedBatches, Store, check_resumable, compact, compacted_name
from pgan_ray.results.victims import read_file, row_files
from pgan_ray.spec import Configuration, Variant
from tests.tracking.tracking_sweep import make_record, write_cells

RECORD = make_record()
FIRST, SECOND = RECORD.sweep.configurations
WHOLE = compacted_name(FIRST)
CELLS = [cell.id for cell in FIRST.cells(0)]
BATCHES = [f"victims/{FIRST.id}/r{replicate}.parquet" for replicate in (0, 1)]


def fill(store: Store, configuration: Configuration = FIRST) -> None:
    """Two files, of a replicate each."""
    for replicate in (0, 1):
        write_cells(store, RECORD, configuration, replicate)


def rows_in(store: Store) -> pa.Table:
    """As every command reads them."""
    return Directory(store, RECORD, strict=True).rows()


def strict(store: Store) -> Directory:
    return Directory(store, RECORD, strict=True)


def test_one_file_holds_the_same_rows(store: Store) -> None:
    fill(store)
    fill(store, SECOND)
    before = rows_in(store)
    compacted = compact(strict(store), FIRST)
    assert compacted is not None
    assert compacted.equals(Directory(store, RECORD).rows(FIRST.id))
    assert row_files(store, FIRST.id) == [WHOLE]
    assert len(row_files(store, SECOND.id)) == 2
    assert rows_in(store).equals(before)


def test_twice_changes_nothing(store: Store) -> None:
    fill(store)
    compact(strict(store), FIRST)
    once = store.read(WHOLE)
    assert compact(strict(store), FIRST) is not None
    assert (store.names("victims"), store.read(WHOLE)) == ([WHOLE], once)


@pytest.mark.parametrize(("call", "calls_before"), [("write", 0), ("delete", 0), ("delete", 1)])
@pytest.mark.parametrize("happens", [False, True])
def test_wherever_it_ends_the_rows_are_the_same(
    store: Store, call: str, calls_before: int, happens: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Just before or just after the whole file is written, or a small one deleted."""
    fill(store)
    before, done, real = rows_in(store), list[str](), getattr(Store, call)

    def ending(self: Store, name: str, *arguments: object, **options: object) -> None:
        if len(done) < calls_before or happens:
            real(self, name, *arguments, **options)
        if len(done) == calls_before:
            raise KeyboardInterrupt
        done.append(name)

    with monkeypatch.context() as patched:
        patched.setattr(Store, call, ending)
        with pytest.raises(KeyboardInterrupt):
            compact(strict(store), FIRST)
    assert rows_in(store).equals(before)
    batches = [name.removeprefix("victims/").removesuffix(".parquet") for name in BATCHES]
    assert all(FinishedBatches(store).holds(FIRST, batch, CELLS) for batch in batches), "nothing is run again"
    assert not FinishedBatches(store).is_compact(FIRST) or store.names("victims") == [WHOLE]
    compact(strict(store), FIRST)
    assert store.names("victims") == [WHOLE]
    assert rows_in(store).equals(before)


def test_what_this_process_wrote_is_not_read_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store)
    before = rows_in(store)
    written = {f"{FIRST.id}/r0": read_file(store, BATCHES[0])}
    read, names = Store.read, list[str]()

    def noting(self: Store, name: str, at_most: int | None = None) -> bytes:
        names.append(name)
        return read(self, name, at_most)

    with monkeypatch.context() as patched:
        patched.setattr(Store, "read", noting)
        compact(strict(store), FIRST, written)
    assert names == BATCHES[1:]
    assert rows_in(store).equals(before)


def test_a_whole_file_that_is_half_written_is_none(store: Store) -> None:
    fill(store)
    before = rows_in(store)
    folder, _, name = WHOLE.rpartition("/")
    store.write(f"{folder}/.{name}.0123.partial", b"half")
    assert rows_in(store).equals(before)
    assert not FinishedBatches(store).is_compact(FIRST)
    compact(strict(store), FIRST)
    assert rows_in(store).equals(before)


def test_a_configuration_that_misses_cells_keeps_its_files(store: Store) -> None:
    write_cells(store, RECORD, FIRST, 0)
    assert compact(strict(store), FIRST) is None
    assert store.names("victims") == BATCHES[:1]


def test_finished_batches(store: Store) -> None:
    fill(store)
    finished = FinishedBatches(store)
    assert finished.holds(FIRST, f"{FIRST.id}/r0", CELLS)
    assert not finished.holds(FIRST, f"{FIRST.id}/r2", CELLS)
    assert not finished.holds(SECOND, f"{SECOND.id}/r0", CELLS)


def test_what_was_whole_before_there_was_more_of_it_is_held_by_its_cells(store: Store) -> None:
    (variant,) = FIRST.variants
    later = Variant("knn", variant.evaluation.model_copy(update={"poison_fractions": [0.1]}))
    longer = replace(FIRST, variants=(variant, later))
    fill(store)
    compact(strict(store), FIRST)
    finished = FinishedBatches(store)
    cells = [cell.id for cell in longer.cells(0)]
    assert finished.holds(longer, f"{FIRST.id}/r0/b000-cut-otherwise", cells[: len(CELLS)])
    assert not finished.holds(longer, f"{FIRST.id}/r0/knn/b000", cells[len(CELLS) :])
    assert not finished.holds(longer, f"{FIRST.id}/r0/both", cells)
    assert not finished.is_compact(longer)
    compact(strict(store), FIRST)
    finished = FinishedBatches(store)
    assert finished.is_compact(FIRST)
    assert finished.holds(FIRST, f"{FIRST.id}/r0/b000-cut-otherwise", CELLS), "by its cells, however they were cut"
    assert not finished.holds(SECOND, f"{SECOND.id}/r0", CELLS)


def test_what_a_batch_brings_again_is_counted_once(store: Store) -> None:
    fill(store)
    compact(strict(store), FIRST)
    before = rows_in(store)
    write_cells(store, RECORD, FIRST, 1)
    assert rows_in(store).equals(before)
    compact(strict(store), FIRST)
    assert store.names("victims") == [WHOLE]
    assert rows_in(store).equals(before)


def test_what_is_damaged_is_named_and_nothing_is_deleted(store: Store) -> None:
    fill(store)
    sound = store.read(BATCHES[1])
    store.write(BATCHES[1], sound[:-40])
    with pytest.raises(SpecError, match=r"r1\.parquet: Parquet"):
        compact(strict(store), FIRST)
    assert compact(Directory(store, RECORD), FIRST) is None
    assert store.names("victims") == BATCHES
    store.write(BATCHES[1], sound)
    compact(strict(store), FIRST)
    write_cells(store, RECORD, FIRST, 1)
    store.write(BATCHES[1], sound[:-40])
    with pytest.raises(SpecError, match=r"r1\.parquet: Parquet"):
        compact(strict(store), FIRST)
    assert compact(Directory(store, RECORD), FIRST) is not None
    assert store.names("victims") == [WHOLE, BATCHES[1]]


def test_a_whole_file_is_checked_as_every_other(store: Store) -> None:
    fill(store)
    compact(strict(store), FIRST)
    content = store.read(WHOLE)

    def reason() -> str:
        directory = Directory(store, RECORD)
        directory.rows()
        (found,) = directory.damaged.items()
        return f"{found[0]}: {found[1]}"

    store.write(WHOLE, content[:100])
    assert reason().startswith(f"{WHOLE}: Parquet")
    with pytest.raises(SpecError, match=r"all-\w+\.parquet: .*; delete .*, and its cells are run again"):
        check_resumable(store, RECORD)
    store.write(WHOLE, content)
    table = pq.read_table(pa.BufferReader(content))
    store.write_table(WHOLE, table.slice(1))
    assert reason() == f"{WHOLE}: must hold the cells that its name stands for, got others"
    said = {b"pgan.sweep": b'{"sweep_id": "another"}'}
    store.write_table(WHOLE, table.replace_schema_metadata(said))
    assert "must be of the sweep tiny-0001, got one whose sweep_id is 'another'" in reason()


def test_a_file_holds_cells_of_its_folder_alone(store: Store) -> None:
    fill(store)
    store.write(f"victims/{SECOND.id}/r0.parquet", store.read(BATCHES[0]))
    store.write("victims/stray.parquet", store.read(BATCHES[0]))
    directory = Directory(store, RECORD)
    assert directory.rows().num_rows == FIRST.cell_count
    assert set(directory.damaged) == {f"victims/{SECOND.id}/r0.parquet", "victims/stray.parquet"}
    assert set(directory.damaged.values()) == {f"must hold cells of the configuration of its folder, got '{FIRST.id}'"}


def test_rows_come_one_configuration_at_a_time(store: Store) -> None:
    fill(store)
    fill(store, SECOND)
    compact(strict(store), SECOND)
    directory = Directory(store, RECORD)
    found = dict(directory.tables())
    assert list(found) == [FIRST.id, SECOND.id]
    assert pa.concat_tables(found.values()).equals(directory.rows())
    assert dict(directory.tables(without={FIRST.id})).keys() == {SECOND.id}


def test_a_reader_that_is_overtaken_reads_the_whole_file(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store)
    before = rows_in(store)
    directory, read = Directory(store, RECORD), Store.read

    def overtaken(self: Store, name: str, at_most: int | None = None) -> bytes:
        if name == BATCHES[1]:
            with monkeypatch.context() as undone:
                undone.setattr(Store, "read", read)
                compact(strict(store), FIRST)
        return read(self, name, at_most)

    monkeypatch.setattr(Store, "read", overtaken)
    assert directory.rows().equals(before)
    assert not directory.damaged
