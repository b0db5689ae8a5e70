"""Whose a sweep's directory is: what a new sweep may go into, links that lead out, files of another sweep."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from pgan_ray.errors import SpecError
from pgan_ray.results import (
    Directory,
    Store,
    check_new,
    find_checkpoints,
    identity,
    lease,
    read_record,
    read_sweep,
    remove_checkpoints,
    write_rows,
)
from pgan_ray.spec import load_sweep
from tests.tracking.tracking_sweep import make_record, make_store

PLACE = ("alpha=0.1", 0)


def test_an_empty_place_takes_a_new_sweep(store: Store) -> None:
    check_new(store)
    for name in (".sweep.yaml.0123456789abcdef.partial", ".writable-0123abcd", ".shared-0123abcd"):
        store.write(name, b"{}")  # of a start of the same command that failed
    with lease(store, pytest.fail):
        left = store.read("driver.json")
    store.write("driver.json", left)
    check_new(store)


@pytest.mark.parametrize(
    "name",
    ["notes.txt", "summary.json", "report/index.html", ".hidden", "sweep.yml", "mine/a", "driver.json", ".writable"],
)
def test_what_is_not_ours_is_not_touched(store: Store, name: str) -> None:
    store.write(name, b"mine")
    there = name.split("/")[0]
    with pytest.raises(SpecError, match=rf"--out .*: must be empty, got '{there}': name another directory"):
        check_new(store)
    assert store.read(name) == b"mine"


@pytest.mark.parametrize("folder", ["victims", "generators", "tune"])
def test_leftovers_of_a_sweep_are_not_taken_up(store: Store, folder: str) -> None:
    store.write(f"{folder}/a/b", b"")
    with pytest.raises(SpecError, match=rf"must be empty, got '{folder}' of a sweep whose sweep\.yaml is gone: bring"):
        check_new(store)


def test_a_sweep_is_told_how_to_go_on(store: Store) -> None:
    store.write("sweep.yaml", b"x")
    with pytest.raises(SpecError, match=r"must not hold a sweep yet; finish that one with `pgan-ray resume "):
        check_new(store)


def test_only_what_tune_wrote_is_deleted(store: Store) -> None:
    trial = "tune/alpha=0.1_r0-4_942f47fe"
    ours = [
        "tune/tuner.pkl",
        "tune/.validate_storage_marker",
        "tune/experiment_state-2026-11-25_22-47-30.json",
        "tune/search_gen_state-2026-11-25_22-47-30.json",
        f"{trial}/params.json",
        f"{trial}/result.json",
        f"{trial}/checkpoint_000000/progress.json",
        f"{trial}/checkpoint_000000/state.safetensors",
    ]
    mine = ["tune/notes.txt", f"{trial}/mine.json", "tune/other/state.safetensors"]
    for name in [*ours, *mine]:
        store.write(name, b"{}")
    remove_checkpoints(store)
    assert store.names("", hidden=True) == sorted(mine)


def test_a_tune_folder_of_ours_alone_is_gone(tmp_path: Path) -> None:
    Store(tmp_path).write("tune/a_r0-0_942f47fe/checkpoint_000000/progress.json", b"{}")
    remove_checkpoints(Store(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["sweep.yaml", "victims", "victims/alpha=0.1", "generators/alpha=0.1/r0/record.json", "report", "tune", "tune/x"],
)
def test_a_link_out_of_the_directory_is_refused(tmp_path: Path, name: str) -> None:
    store = make_store(tmp_path / "sweep", make_record())
    (tmp_path / "secret").mkdir()
    place, outside = tmp_path / "sweep" / name, tmp_path / "secret/moved"
    if place.exists():
        place.rename(outside)
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(outside)
    with pytest.raises(SpecError, match=r"must not be a symbolic link out of the sweep's directory") as refused:
        read_sweep(store)
    assert str(refused.value).startswith(f"{place}: ")


def test_no_access_follows_a_link_out(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/key").write_text("mine")
    store = Store(tmp_path / "sweep")
    store.write("report/a", b"")
    (tmp_path / "sweep/out").symlink_to(tmp_path / "secret")
    (tmp_path / "sweep/report/key").symlink_to("../../secret/key")
    calls = {
        "read": lambda: store.read("out/key"),
        "read a file's link": lambda: store.below("report").read("key"),
        "exists": lambda: store.exists("out/key"),
        "write": lambda: store.write("out/key", b"theirs"),
        "make": lambda: store.write("out/new", b"theirs"),
        "delete": lambda: store.delete("out/key"),
        "list": lambda: store.names("out"),
        "list files' links": lambda: store.names("report"),
        "below": lambda: store.below("out").write("key", b"theirs"),
        "up": lambda: store.read("../secret/key"),
        "absolute": lambda: store.read(str(tmp_path / "secret/key")),
    }
    for call in calls.values():
        with pytest.raises(OSError, match=r"must not be a symbolic link out of|must be a place in the directory"):
            call()
    assert [(file.name, file.read_text()) for file in (tmp_path / "secret").iterdir()] == [("key", "mine")]


def test_links_that_stay_and_the_way_to_the_directory_are_followed(tmp_path: Path) -> None:
    make_store(tmp_path / "sweep", make_record())
    (tmp_path / "way").symlink_to(tmp_path / "sweep")
    (tmp_path / "sweep/report").symlink_to("elsewhere")
    (tmp_path / "sweep/elsewhere").mkdir()
    store = Store(tmp_path / "way")
    record = read_sweep(store)
    assert Directory(store, record).rows().num_rows == record.sweep.cells
    store.below("report").write("a", b"1")
    assert (tmp_path / "sweep/elsewhere/a").read_bytes() == b"1"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    store = make_store(tmp_path / "sweep", make_record())
    (tmp_path / "sweep/sweep.yaml").unlink()
    os.mkfifo(tmp_path / "sweep/sweep.yaml")
    with pytest.raises(SpecError, match=r"sweep/sweep\.yaml: must be a readable text file, got: must be a file, got a"):
        read_sweep(store)


def test_a_huge_record_is_refused_at_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write("sweep.yaml", b"a" * 30_000_000)
    with pytest.raises(SpecError, match=r"must have at most 1,048,576 bytes, got more"):
        read_sweep(store)


def test_a_record_of_more_than_anybody_ran_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "sweep.yaml"
    record = make_record()
    document = yaml.safe_load(record.to_yaml())
    document["attack"]["replicates"] = 10**9
    del document["resolved"]["digest"]
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    with pytest.raises(SpecError, match=r"must have at most 100,000,000 cells, got 12,000,000,000"):
        read_sweep(Store(tmp_path))


@pytest.mark.parametrize("key", ["sweep_id", "profile"])
@pytest.mark.parametrize("text", ["/../../../../ESCAPED", "..", "a'b", 'a"b', "a\nb", "a\x1b[1m", "", "a" * 200])
def test_what_becomes_a_path_is_a_name(tmp_path: Path, key: str, text: str) -> None:
    file = tmp_path / "sweep.yaml"
    document = yaml.safe_load(make_record().to_yaml())
    document["resolved"][key] = text
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    for read in (lambda: read_sweep(Store(tmp_path)), lambda: load_sweep(file)):
        with pytest.raises(SpecError, match=rf"sweep\.yaml:resolved\.{key}: must match \[A-Za-z0-9\]") as refused:
            read()
        assert len(str(refused.value).splitlines()) == 1
        assert "\x1b" not in str(refused.value)


def test_rows_and_generators_say_whose_they_are(tmp_path: Path) -> None:
    record = make_record()
    store = make_store(tmp_path, record)
    name = store.names("victims")[0]
    rows = pq.read_table(tmp_path / name).to_pylist()
    write_rows(store, name.removeprefix("victims/").removesuffix(".parquet"), rows, identity(record))
    write_record(store, **identity(record))
    directory = Directory(store, record)
    assert directory.rows().num_rows == record.sweep.cells
    assert len(directory.generators()) == 4
    assert directory.damaged == {}


def write_record(store: Store, **changes: str) -> None:
    file = Path(store.location, "generators/alpha=0.1/r0/record.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize("key", ["sweep_id", "digest"])
def test_what_another_sweep_left_is_never_counted(tmp_path: Path, key: str) -> None:
    record = make_record()
    store = make_store(tmp_path, record)
    name = store.names("victims")[0]
    rows = pq.read_table(tmp_path / name).to_pylist()
    other = identity(record) | {key: "other"}
    write_rows(store, name.removeprefix("victims/").removesuffix(".parquet"), rows, other)
    write_record(store, **other)
    directory = Directory(store, record)
    assert directory.rows().num_rows == record.sweep.cells - len(rows)
    assert PLACE not in directory.generators()
    assert directory.damaged == dict.fromkeys(
        (name, "generators/alpha=0.1/r0/record.json"),
        f"must be of the sweep {record.id}, got one whose {key} is 'other'",
    )
    for read in (lambda strict: strict.rows(), lambda strict: strict.generator(*PLACE)):
        with pytest.raises(SpecError, match=rf"(parquet|record\.json): must be of the sweep {record.id}, got one"):
            read(Directory(store, record, strict=True))


@pytest.mark.parametrize("key", ["sweep_id", "digest"])
def test_the_end_of_another_sweep_is_not_this_ones(store: Store, key: str) -> None:
    record = make_record()
    ended = {**identity(record), "outcome": "complete", "seconds": 3.0}
    store.write("summary.json", json.dumps(ended).encode())
    assert Directory(store, record).summary() == ended
    store.write("summary.json", json.dumps({**ended, key: "other"}).encode())
    directory = Directory(store, record)
    assert directory.summary() == {}
    assert directory.damaged["summary.json"].startswith(f"must be of the sweep {record.id}, got one whose {key} is")


def test_an_earlier_versions_directory_is_read(tmp_path: Path) -> None:
    """Its rows have the sweep's id alone, its records neither."""
    record = make_record()
    store = make_store(tmp_path, record)
    file = tmp_path / "generators/alpha=0.1/r0/record.json"
    content = json.loads(file.read_text())
    del content["sweep_id"], content["digest"]
    file.write_text(json.dumps(content))
    name = store.names("victims")[0]
    pq.write_table(pq.read_table(tmp_path / name).replace_schema_metadata(None), tmp_path / name)
    directory = Directory(store, record)
    assert directory.rows().num_rows == record.sweep.cells
    assert directory.generator(*PLACE) == read_record(store, *PLACE)
    assert directory.damaged == {}


def test_a_new_default_does_not_make_rows_another_sweeps(tmp_path: Path) -> None:
    """A record keeps the digest that its file has, whatever a later version's defaults make of it."""
    record = make_record()
    make_store(tmp_path, record)
    read = read_sweep(Store(tmp_path))
    document = read.sweep.document | {"description": "a later version's"}
    later = replace(read, sweep=replace(read.sweep, document=document))
    assert identity(later) == identity(record)


def checkpoint(store: Store, **changes: object) -> None:
    progress = {"trial": "alpha=0.1/r0-1", "reports": 3, "seconds": 1.0, "curve": []} | changes
    store.write("tune/t_942f47fe/checkpoint_000000/progress.json", json.dumps(progress).encode())


def test_checkpoints_are_the_sweeps_own(tmp_path: Path) -> None:
    record = make_record()
    store = Store(tmp_path)
    for whose in ({}, identity(record)):
        checkpoint(store, **whose)
        assert find_checkpoints(store, record) == {"alpha=0.1/r0-1": ["tune/t_942f47fe/checkpoint_000000"]}
    checkpoint(store, **identity(record) | {"digest": "other"})
    with pytest.raises(SpecError, match=r"progress\.json: must be of the sweep tiny-0001, got one whose digest is"):
        find_checkpoints(store, record)


@pytest.mark.parametrize(
    "changes",
    [
        {"trial": 3},
        {"reports": "3"},
        {"reports": True},
        {"seconds": None},
        {"curve": 1},
        {"curve": [{}]},
        {"curve": [{"replicate": 0, "iteration": 1, "timestamp_ms": 1}]},
        {"curve": [1]},
    ],
)
def test_odd_checkpoints_are_left_out(tmp_path: Path, changes: dict[str, object]) -> None:
    checkpoint(Store(tmp_path), **changes)
    assert find_checkpoints(Store(tmp_path), make_record()) == {}
    shutil.rmtree(tmp_path / "tune")
    Store(tmp_path).write("tune/t/progress.json", b"[")
    assert find_checkpoints(Store(tmp_path), make_record()) == {}
