"""The sweep's directory: files that are there whole or not at all, on a disk and on S3."""

import errno
import pickle
import re
import threading
from pathlib import Path

import pyarrow as pa
import pytest

from pgan_ray.errors import SpecError
from pgan_ray.results import Store, read_sweep, retry
from tests.listeners import http, listener
from tests.s3_server import CREDENTIALS


def test_what_is_written_is_read(store: Store) -> None:
    store.write("a/b=0.1,c/d.bin", b"one")
    assert store.read("a/b=0.1,c/d.bin") == b"one"
    store.write("empty", b"")
    assert store.read("empty") == b""
    store.write("a/b=0.1,c/d.bin", b"two, longer")
    assert store.read("a/b=0.1,c/d.bin") == b"two, longer"


def test_a_missing_file(store: Store) -> None:
    assert not store.exists("a/b")
    with pytest.raises(FileNotFoundError, match="a/b"):
        store.read("a/b")
    store.write("a/b/c", b"1")
    assert store.exists("a/b/c")
    assert not store.exists("a/b")  # a folder


def test_names_are_sorted_and_of_one_folder_alone(store: Store) -> None:
    assert store.names("") == store.names("v") == []
    for name in ("v/a=0.15/x.parquet", "v/a=0.1/r1/x.parquet", "v/a=0.1/r0/x.parquet", "v/a=0.1/x.json", "top.json"):
        store.write(name, b"1")
    assert store.names("v/a=0.1") == ["v/a=0.1/r0/x.parquet", "v/a=0.1/r1/x.parquet", "v/a=0.1/x.json"]
    assert store.names("v/a=0.1", ".parquet") == ["v/a=0.1/r0/x.parquet", "v/a=0.1/r1/x.parquet"]
    assert store.names("v/a") == []
    assert store.names("", ".json") == ["top.json", "v/a=0.1/x.json"]
    assert len(store.names("")) == 5


def test_unfinished_files_are_not_seen(store: Store) -> None:
    store.write("v/.x.parquet.1234.partial", b"half")
    store.write("v/x.parquet", b"whole")
    assert store.names("v") == ["v/x.parquet"]


def test_tables(store: Store) -> None:
    schema = pa.schema([pa.field("a", pa.int32(), nullable=False), pa.field("b", pa.float64())])
    table = pa.Table.from_pylist([{"a": 1, "b": None}, {"a": 2, "b": 0.5}], schema=schema)
    store.write_table("t.parquet", table)
    assert store.read_table("t.parquet").equals(table, check_metadata=True)


def test_a_store_travels_as_its_location(store: Store) -> None:
    store.write("a", b"1")  # its file system, which does not travel, is open
    copy = pickle.loads(pickle.dumps(store))
    assert copy.location == store.location
    assert copy.read("a") == b"1"
    assert len(pickle.dumps(store)) < 500


@pytest.mark.parametrize("name", ["plain", "with space", "a#b?c%20d", "é", "x:y"])
def test_any_local_path_will_do(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path / name)
    store.write("a/b", b"1")
    assert (tmp_path / name / "a" / "b").read_bytes() == b"1"
    assert store.names("") == ["a/b"]


def test_a_relative_path_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store("results/one")
    monkeypatch.chdir("/")
    store.write("a", b"1")
    assert (tmp_path / "results/one/a").read_bytes() == b"1"


@pytest.mark.parametrize("location", ["ftp://host/x", "s3://bucket/a b", "s3://"])
def test_a_location_that_is_none(location: str) -> None:
    with pytest.raises(SpecError, match=r"must be a directory or a URI such as s3://bucket/sweep, got "):
        Store(location).exists("a")


@pytest.mark.parametrize("location", ["hdfs://host:8020/x", "gs+x://bucket/y", "nonsense://x/y"])
def test_a_store_that_cannot_be_opened_is_one_line(location: str) -> None:
    with pytest.raises(SpecError, match=f"{re.escape(location)}: must be ") as refused:
        Store(location).check()
    assert len(str(refused.value).splitlines()) == 1
    with pytest.raises(SpecError, match=re.escape(location)) as unread:
        read_sweep(Store(location))
    assert len(str(unread.value)) < 300  # pyarrow names a hundred places where it looked for hdfs's library


@pytest.mark.parametrize("name", ["results\0/one", "results/\udcff"])
def test_a_name_that_not_all_can_read(name: str) -> None:
    with pytest.raises(SpecError, match="must be the name of a directory, in UTF-8 and without a zero byte"):
        Store(name)


@pytest.mark.parametrize("name", ["", "s3:/bucket/sweep", "file:/tmp/sweep"])
def test_a_place_that_nobody_meant(name: str) -> None:
    with pytest.raises(SpecError, match=f"'{name}': must be a directory, or s3://BUCKET/DIR"):
        Store(name)


def test_a_home_is_where_the_shell_would_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Store("~/results").location == str(tmp_path / "results")
    with pytest.raises(SpecError, match="~nosuchuser/x: must be a directory, got the home of an unknown user"):
        Store("~nosuchuser/x")


@pytest.mark.parametrize(
    ("place", "got"),
    [("file/below", "Not a directory"), (f"{300 * 'x'}/y", "File name too long"), ("/proc/x", "No such file")],
)
def test_a_place_that_cannot_be_is_told_before_anything_starts(tmp_path: Path, place: str, got: str) -> None:
    (tmp_path / "file").touch()
    store = Store(tmp_path / place)
    with pytest.raises(SpecError, match=f"must be a place that can be written to, got .*{got}") as refused:
        store.check()
    assert len(str(refused.value).splitlines()) == 1


def test_a_full_disk_is_told_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(self: Path, content: bytes) -> int:
        if content:  # an empty file still has room
            raise OSError(errno.ENOSPC, "No space left on device")
        return 0

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(SpecError, match=r"must be a place that can be written to, got .*No space left on device"):
        Store(tmp_path).check()


def test_what_is_to_be_stored_must_have_room(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.check(1000)
    with pytest.raises(SpecError, match=r"must have room for what the sweep stores, about 1,000,.* bytes, got .* free"):
        store.check(10**30)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(retry, "START_S", 0.5)
    monkeypatch.setattr(retry, "ANSWER_S", 10.0)


@pytest.mark.parametrize(
    ("answer", "got"),
    [
        (http("403 Forbidden"), "AWS Error ACCESS_DENIED"),
        (http("503 Slow Down"), "HTTP status 503"),
        (None, "Timeout was reached"),  # of one request: with pyarrow's own retries it would be the end after 99 s
        (b"SSH-2.0-x", "AWS Error"),
    ],
)
def test_an_s3_that_refuses_or_is_away_is_told_before_anything_starts(
    soon: None, answer: bytes | None, got: str
) -> None:
    with listener(answer) as port:
        store = Store(f"s3://bucket/x?endpoint_override=127.0.0.1:{port}&scheme=http")
        with pytest.raises(SpecError, match=f"must be a place that can be read, got .*{got}") as refused:
            store.at_start(lambda: store.exists("sweep.yaml"))
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    "location",
    [
        "s3://KEY:hunter2@bucket/x?region=eu",
        "s3://KEY:a/hunter2+b@bucket/x",
        "s3://hunter2@bucket/x",
        "s3://bucket/x?secret_key=hunter2",
        "abfss://box:hunter2@account.dfs.core.windows.net/x",
        "https://account.blob.core.windows.net/x?sas=hunter2",
    ],
)
def test_a_location_holds_no_secret(location: str) -> None:
    with pytest.raises(SpecError, match=r"\w+://.*\*\*\*.*: must not hold a secret.* AWS_SECRET_ACCESS_KEY") as refused:
        Store(location)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("location", ["hdfs://me@host:8020/x", "abfss://box@account.dfs.core.windows.net/x"])
def test_a_name_before_the_host_is_no_secret(location: str) -> None:
    assert Store(location).place("a") == f"{location}/a"


def test_a_crash_before_the_end_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    store.write("v/a", b"old")

    def crash(self: Path, target: Path) -> Path:
        assert self.read_bytes() == b"new"  # complete, beside its place
        assert self.parent == target.parent
        assert store.names("") == ["v/a"]
        raise OSError("power is gone")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", crash)
        with pytest.raises(OSError, match="power is gone"):
            store.write("v/a", b"new")
    assert store.read("v/a") == b"old"
    assert [path.name for path in (tmp_path / "v").iterdir()] == ["a"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    store.write("a", b"old")

    def fill(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:1])
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(OSError, match="no space left"):
        store.write("a", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert store.read("a") == b"old"


def test_writers_of_one_file_do_not_mix(tmp_path: Path) -> None:
    store = Store(tmp_path)
    contents = [bytes([65 + index]) * 200_000 for index in range(8)]
    failures: list[BaseException] = []

    def write(content: bytes) -> None:
        try:
            for _ in range(10):
                store.write("a", content)
                assert store.read("a") in contents
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert store.names("") == ["a"]
