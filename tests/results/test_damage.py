"""A small directory, damaged in every way: every command names the file, and goes on from what is sound or refuses."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from pgan_ray.errors import SpecError
from pgan_ray.results import Directory, Store, check_resumable, lease, mean_confusions, read_sweep, summarise
from tests.tracking.tracking_sweep import SWEEP, architecture, make_record, make_store

RECORD = make_record(SWEEP.replace("replicates: 2", "replicates: 1"))
GENERATORS = len(RECORD.sweep.configurations)
ROWS = "victims/alpha=0.1/r0.parquet"
GENERATOR = "generators/alpha=0.1/r0"
FILES = [ROWS, *(f"{GENERATOR}/{name}" for name in ("record.json", "training.parquet"))]
FILES += [f"{GENERATOR}/{name}.safetensors" for name in ("generator", "poison", "samples")]
Damage = Callable[[Path], Any]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "sweep"
    make_store(folder, RECORD)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "sweep")
    return tmp_path / "sweep"


def as_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def as_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def as_link_to_nothing(file: Path) -> None:
    file.unlink()
    file.symlink_to("nothing")


def cut(share: float) -> Damage:
    return lambda file: file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])


ANY: dict[str, Damage] = {
    "empty": cut(0),
    "short": cut(0.1),
    "half": cut(0.5),
    "nearly whole": cut(0.98),
    "noise": lambda file: file.write_bytes(bytes(range(256)) * 8),
    "zeros": lambda file: file.write_bytes(bytes(file.stat().st_size)),
    "a folder": as_folder,
    "a pipe": as_pipe,
    "a link to nothing": as_link_to_nothing,
}


def column(name: str, value: Any) -> Damage:
    """Puts ``value`` into the last row's ``name``."""

    def change(file: Path) -> None:
        table = pq.read_table(file)
        values = [*table[name].to_pylist()[:-1], value]
        kind = table.schema.field(name).type if value is None or isinstance(value, (float, list, int)) else None
        array = pa.array(values if kind is not None else [value] * table.num_rows, type=kind)
        pq.write_table(table.set_column(table.column_names.index(name), name, array), file)

    return change


def without(name: str) -> Damage:
    return lambda file: pq.write_table(pq.read_table(file).drop_columns([name]), file)


def record(**changes: Any) -> Damage:
    return lambda file: file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def arrays(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Damage:
    def damage(file: Path) -> None:
        content = load_file(file)
        save_file(content | {name: change(content[name])}, file, {"architecture": json.dumps(architecture())})

    return damage


def described(**changes: Any) -> Damage:
    return lambda file: save_file(load_file(file), file, {"architecture": json.dumps(architecture() | changes)})


def many_rows(file: Path) -> None:
    table = pq.read_table(file)
    pq.write_table(pa.concat_tables([table] * 10), file)


ODD: list[tuple[str, str, Damage]] = [
    *(
        (ROWS, f"{name} {value}", column(name, value))
        for name in ("test_error", "seconds")
        for value in (np.nan, 1e300)
    ),
    (ROWS, "negative rate", column("rejected_poison", -0.1)),
    (ROWS, "no score", column("test_error", None)),
    (ROWS, "text for numbers", column("test_error", "much")),
    (ROWS, "odd outcome", column("outcome", "fine")),
    (ROWS, "another replicate", column("replicate", 7)),
    (ROWS, "another fraction", column("poison_fraction", 0.3)),
    (ROWS, "ragged confusion", column("confusion", [[1, 2], [3]])),
    (ROWS, "small confusion", column("confusion", [[1]])),
    (ROWS, "negative confusion", column("confusion", [[1, -1], [1, 1]])),
    (ROWS, "short boundary", column("boundary", [1.0])),
    (ROWS, "no cell_id", without("cell_id")),
    (ROWS, "too many", many_rows),
    *(
        (f"{GENERATOR}/record.json", str(changes), record(**changes))
        for changes in (
            {"seconds": "x"},
            {"seconds": 1e300},
            {"iterations": -1},
            {"image_shape": [4]},
            {"image_shape": [0, 4]},
            {"image_shape": "44"},
            {"outcome": "fine"},
            {"configuration": "../../../../escaped"},
            {"replicate": 1},
            {"device": None},
            {"message": "\ud800"},
            {"more": 1},
        )
    ),
    (f"{GENERATOR}/record.json", "a list", lambda file: file.write_text("[]")),
    (f"{GENERATOR}/record.json", "deep", lambda file: file.write_text("[" * 100_000)),
    (f"{GENERATOR}/record.json", "huge", lambda file: file.write_bytes(b" " * 2_000_000)),
    (f"{GENERATOR}/training.parquet", "a far time", column("timestamp_ms", 1 << 60)),
    (f"{GENERATOR}/training.parquet", "no iteration", without("iteration")),
    (f"{GENERATOR}/poison.safetensors", "NaN", arrays("poison", lambda p: p * np.float32(np.nan))),
    (f"{GENERATOR}/poison.safetensors", "one dimension", arrays("poison", lambda p: p[0])),
    (f"{GENERATOR}/poison.safetensors", "whole numbers", arrays("poison", lambda p: p.astype(np.int32))),
    (f"{GENERATOR}/poison.safetensors", "another name", lambda file: save_file({"x": np.zeros((2, 2))}, file)),
    (f"{GENERATOR}/samples.safetensors", "no image", arrays("000000010", lambda p: p[:, :3].copy())),
    (f"{GENERATOR}/samples.safetensors", "a name", lambda file: save_file({"x": np.zeros((2, 16), np.float32)}, file)),
    (f"{GENERATOR}/generator.safetensors", "infinite", arrays("layers.0.bias", lambda w: w + np.float32(np.inf))),
    (f"{GENERATOR}/generator.safetensors", "narrow", arrays("layers.1.weight", lambda w: w[:3].copy())),
    (f"{GENERATOR}/generator.safetensors", "odd noise", described(noise_features="3")),
    (f"{GENERATOR}/generator.safetensors", "odd norm", described(batch_norm=None)),
    (f"{GENERATOR}/generator.safetensors", "no architecture", lambda file: save_file(load_file(file), file)),
]
EVERY = [(file, name, damage) for file in FILES for name, damage in ANY.items()] + ODD


@pytest.mark.parametrize(("file", "damage"), [(f, d) for f, _, d in EVERY], ids=[f"{f}: {n}" for f, n, _ in EVERY])
def test_what_is_damaged_is_named_and_the_rest_is_sound(folder: Path, file: str, damage: Damage) -> None:
    damage(folder / file)
    store = Store(folder)
    directory = Directory(store, read_sweep(store))
    directory.examine()
    assert set(directory.damaged) == {file}
    assert len(directory.damaged[file].splitlines()) == 1
    assert directory.rows().num_rows == RECORD.sweep.cells - 6 * (file == ROWS)
    assert len(directory.generators()) == GENERATORS - file.endswith("record.json")
    with pytest.raises(SpecError, match="; delete ") as refused:
        check_resumable(store, RECORD)
    (line,) = refused.value.faults
    assert line.startswith(f"{folder / file}: ")
    told = Path(line.rpartition("; delete ")[2].partition(", and ")[0])
    shutil.rmtree(told) if told.is_dir() else told.unlink()
    check_resumable(store, RECORD)


def test_all_that_is_sound_is_resumable(folder: Path) -> None:
    check_resumable(Store(folder), RECORD)


def test_what_a_generator_misses(folder: Path) -> None:
    (folder / GENERATOR / "poison.safetensors").unlink()
    with pytest.raises(SpecError, match=rf"poison\.safetensors: is missing; delete .*{GENERATOR}, and"):
        check_resumable(Store(folder), RECORD)


def test_all_that_is_damaged_is_told_at_once(folder: Path) -> None:
    for file in folder.rglob("*.*"):
        if file.is_file() and file.name != "sweep.yaml":
            file.write_bytes(b"")
    with pytest.raises(SpecError) as refused:
        check_resumable(Store(folder), RECORD)
    assert len(refused.value.faults) == 2 * GENERATORS  # and their files of rows


@pytest.mark.parametrize("name", ["driver.json", "summary.json", "timeline.json", "genuine.parquet", "data.json"])
def test_what_a_sweeps_end_writes_again(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"\xff")
    check_resumable(Store(folder), RECORD)
    as_folder(folder / name)
    with pytest.raises(SpecError, match=rf"{name}: must be a file, got a directory; delete it"):
        check_resumable(Store(folder), RECORD)


@pytest.mark.parametrize("name", ["victims", "generators", "tune"])
def test_a_file_in_the_place_of_a_folder(folder: Path, name: str) -> None:
    if (folder / name).exists():
        shutil.rmtree(folder / name)
    (folder / name).write_text("x")
    with pytest.raises(SpecError, match=rf"{name}: must be a directory, got a file; delete it"):
        check_resumable(Store(folder), RECORD)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"3",
        b"[" * 100_000,
        b'{"pid": -1}',
        b'{"pid": 1e999}',
        json.dumps({"pid": 10**30}).encode(),
    ],
)
def test_an_odd_drivers_file(folder: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["pgan_ray.results.lease"], "GONE_S", 0.0)
    (folder / "driver.json").write_bytes(content)
    with lease(Store(folder), lambda notice: None):
        assert json.loads((folder / "driver.json").read_text())["pid"] == os.getpid()


def test_a_folder_in_the_place_of_the_drivers_file(folder: Path) -> None:
    (folder / "driver.json").mkdir()
    with (
        pytest.raises(SpecError, match=r"driver\.json: must be a file that can be written"),
        lease(Store(folder), lambda notice: None),
    ):
        pass


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"x", b"\xff", b"{}", b"name: 3", b"resolved: {}", b"{" * 5000, b"\x00", b"a: &a [*a]", b"? [a]\n: b"],
)
def test_an_odd_record_is_one_line(folder: Path, content: bytes) -> None:
    (folder / "sweep.yaml").write_bytes(content)
    with pytest.raises(SpecError, match=r"^.*/sweep/sweep\.yaml") as refused:
        read_sweep(Store(folder))
    assert len(str(refused.value).splitlines()) == 1


@given(data=st.data())
@settings(max_examples=60, derandomize=True, deadline=None)
def test_any_bytes_are_taken_or_named(whole: Path, data: st.DataObject) -> None:
    file = whole / data.draw(st.sampled_from([*FILES, "sweep.yaml"]))
    before = file.read_bytes()
    place = data.draw(st.integers(0, len(before) - 1))
    new = data.draw(st.binary(min_size=1, max_size=8))
    try:
        file.write_bytes(before[:place] + new + (before[place + len(new) :] if data.draw(st.booleans()) else b""))
        store = Store(whole)
        try:
            record = read_sweep(store)
        except SpecError:
            return
        directory = Directory(store, record)
        directory.examine()
        assert set(directory.damaged) <= {str(file.relative_to(whole))}
        summarise(directory.rows())
        mean_confusions(directory.rows())
    finally:
        file.write_bytes(before)
