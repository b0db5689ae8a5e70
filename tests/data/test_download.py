from pathlib import Path

import pytest

from pgan_ray.data.download import DownloadError, download
from pgan_ray.errors import DataError

from .helpers import FileServer

CONTENT = bytes(range(256)) * 1024


def verify(path: Path) -> int:
    content = path.read_bytes()
    if content != CONTENT:
        raise DataError(f"{path}: must be the content, got {len(content)} bytes")
    return len(content)


def fetch(url: str, target: Path, notices: list[str] | None = None, limit_bytes: int = len(CONTENT)) -> int:
    progress = [].append if notices is None else notices.append
    return download(url, target, verify, limit_bytes=limit_bytes, progress=progress)


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_brings_the_file_with_progress(server: FileServer, tmp_path: Path) -> None:
    server.files["/x"] = CONTENT
    notices: list[str] = []
    assert fetch(f"{server.url}x", tmp_path / "x", notices) == len(CONTENT)
    assert only_file(tmp_path) == tmp_path / "x"
    assert notices[-1] == f"downloading {server.url}x: 100 % of 0.2 MiB"
    assert 2 <= len(notices) <= 11
    assert not any("\n" in notice for notice in notices)


def test_a_connection_that_dies_is_resumed_where_it_stopped(server: FileServer, tmp_path: Path) -> None:
    server.files["/x"] = CONTENT
    server.cuts = [100_000, 50_000]
    assert fetch(f"{server.url}x", tmp_path / "x") == len(CONTENT)
    assert [wanted for _, wanted in server.requests] == [None, "bytes=100000-", "bytes=150000-"]


def test_a_part_outlives_the_call_that_left_it(server: FileServer, tmp_path: Path) -> None:
    server.files["/x"] = CONTENT
    server.cuts = [10_000, 0]
    with pytest.raises(DownloadError, match="ended at 10000 of 262144 bytes"):
        fetch(f"{server.url}x", tmp_path / "x")
    part = only_file(tmp_path)
    assert part.name.endswith(".part")
    assert part.stat().st_size == 10_000
    fetch(f"{server.url}x", tmp_path / "x")
    assert server.requests[-1] == ("/x", "bytes=10000-")
    assert only_file(tmp_path) == tmp_path / "x"


def test_a_part_that_is_already_whole_is_accepted(server: FileServer, tmp_path: Path) -> None:
    server.files["/x"] = CONTENT
    server.cuts = [10, 0]
    with pytest.raises(DownloadError, match="ended at 10 of"):
        fetch(f"{server.url}x", tmp_path / "x")
    only_file(tmp_path).write_bytes(CONTENT)
    assert fetch(f"{server.url}x", tmp_path / "x") == len(CONTENT)


def test_a_wrong_part_is_thrown_away_and_all_is_fetched(server: FileServer, tmp_path: Path) -> None:
    server.files["/x"] = CONTENT
    server.cuts = [10, 0]
    with pytest.raises(DownloadError, match="ended at 10 of"):
        fetch(f"{server.url}x", tmp_path / "x")
    only_file(tmp_path).write_bytes(b"older version")
    assert fetch(f"{server.url}x", tmp_path / "x") == len(CONTENT)
    assert server.requests[-1] == ("/x", None)


def test_a_server_without_ranges_starts_again(server: FileServer, tmp_path: Path) -> None:
    server.files["/x"] = CONTENT
    server.knows_ranges = False
    server.cuts = [100_000]
    assert fetch(f"{server.url}x", tmp_path / "x") == len(CONTENT)


def test_gives_up_on_a_connection_that_always_dies(server: FileServer, tmp_path: Path) -> None:
    server.files["/x"] = CONTENT
    server.cuts = [1000] * 10
    with pytest.raises(DownloadError, match="ended early 5 times"):
        fetch(f"{server.url}x", tmp_path / "x")
    assert only_file(tmp_path).stat().st_size == 5000


def test_wrong_content_leaves_nothing_behind(server: FileServer, tmp_path: Path) -> None:
    server.files["/x"] = CONTENT[:-1] + b"\x00"
    with pytest.raises(DownloadError, match=r"^sent a wrong file: must be the content, got 262144 bytes$"):
        fetch(f"{server.url}x", tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("tells_length", "message"), [(True, "offers 262144"), (False, "sends more than the 99")])
def test_never_more_than_the_limit(server: FileServer, tmp_path: Path, tells_length: bool, message: str) -> None:
    server.files["/x"] = CONTENT
    server.tells_length = tells_length
    with pytest.raises(DownloadError, match=message):
        fetch(f"{server.url}x", tmp_path / "x", limit_bytes=99)


def test_a_server_that_tells_no_length(server: FileServer, tmp_path: Path) -> None:
    server.files["/x"] = CONTENT
    server.tells_length = False
    assert fetch(f"{server.url}x", tmp_path / "x") == len(CONTENT)


def test_missing_file_and_nobody_there(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="HTTP 404 Not Found"):
        fetch(f"{server.url}x", tmp_path / "x")
    with pytest.raises(DownloadError, match="refused"):
        fetch("http://127.0.0.1:1/x", tmp_path / "x")
    assert list(tmp_path.iterdir()) == []
