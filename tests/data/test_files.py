import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pgan_ray.data.files import listed, open_regular, shown
from pgan_ray.data.sources import load_idx
from pgan_ray.datasets.load import load_dataset
from pgan_ray.errors import DataError
from tests.tiny import dataset_config

from .helpers import NAMES, Tiny


def load(path: str) -> Any:
    return load_dataset(dataset_config(path=path), seed=0)


def load_tiny(tiny: Tiny, folder: Path) -> Any:
    return load_idx(tiny.known, data_dir=folder, cache_dir=folder / "cache", progress=print, may_download=False)


@pytest.fixture
def closed_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that may not be entered, not even where the tests run as root."""
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield folder
    os.seteuid(user)
    folder.chmod(0o700)


@pytest.mark.parametrize("ending", [".npz", ".parquet"])
def test_what_is_no_regular_file_is_told_and_never_waited_for(tmp_path: Path, ending: str) -> None:
    folder, fifo, device = (tmp_path / f"{name}{ending}" for name in ("folder", "fifo", "device"))
    folder.mkdir()
    os.mkfifo(fifo)
    device.symlink_to("/dev/zero")
    for path, kind in ((folder, "a directory"), (fifo, "a FIFO"), (device, "a device")):
        with pytest.raises(DataError, match=f"^{path}: must be a regular file, got {kind}$"):
            load(str(path))


def test_a_fifo_that_takes_the_files_place_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, fifo = tmp_path / "my.npz", tmp_path / "fifo"
    path.write_bytes(b"")
    os.mkfifo(fifo)
    real = os.open
    monkeypatch.setattr(os, "open", lambda _, flags: real(fifo, flags))
    with pytest.raises(DataError, match="must be a regular file, got a FIFO"):
        open_regular(path)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "~nosuchuser/a.npz",
            "^~nosuchuser/a.npz: must start with the home directory of a user of this machine, got none",
        ),
        ("a" * 300 + ".npz", r"^a{100}\.\.\.a{96}\.npz: must be readable, got File name too long$"),
        ("d/" * 3000 + "a.npz", "must be readable, got File name too long$"),
        ("a\0b.npz", r"^a\\x00b.npz: must be a valid path on this system, got embedded null"),
        ("a\x1b[31m\nb.npz", r"^a\\x1b\[31m\\nb.npz: must be a file that exists"),
        ("loop.npz", "^loop.npz: must be readable, got Too many levels of symbolic links$"),
    ],
)
def test_odd_paths_are_one_short_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop.npz").symlink_to("loop.npz")
    with pytest.raises(DataError, match=message) as caught:
        load(path)
    assert str(caught.value).isprintable()


def test_a_file_in_a_folder_that_may_not_be_entered(closed_folder: Path, tiny: Tiny) -> None:
    with pytest.raises(DataError, match=r"my.npz: must be readable, got Permission denied$"):
        load(str(closed_folder / "my.npz"))
    with pytest.raises(DataError, match=r"must be readable, got Permission denied$"):
        load_tiny(tiny, closed_folder / "data")
    with pytest.raises(DataError, match=r"must be readable, got Permission denied$"):
        load_tiny(tiny, closed_folder)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs Linux's /proc")
def test_a_file_whose_reading_fails(tmp_path: Path) -> None:
    for ending in (".npz", ".parquet"):
        path = tmp_path / f"my{ending}"
        path.symlink_to("/proc/self/mem")
        with pytest.raises(DataError, match=r"Input/output error|must be a whole Parquet file"):
            load(str(path))


@pytest.mark.parametrize("name", [f"{NAMES[2]}.gz", NAMES[2]])
def test_an_idx_file_that_is_a_directory_is_not_taken_for_absent(tiny: Tiny, tmp_path: Path, name: str) -> None:
    tiny.put(tmp_path / "tiny")
    (tmp_path / "tiny" / f"{NAMES[2]}.gz").unlink()
    (tmp_path / "tiny" / name).mkdir()
    with pytest.raises(DataError, match=f"{name}: must be a regular file, got a directory; replace it$"):
        load_tiny(tiny, tmp_path)
    shutil.rmtree(tmp_path / "tiny" / name)
    os.mkfifo(tmp_path / "tiny" / name)
    with pytest.raises(DataError, match=f"{name}: must be a regular file, got a FIFO; replace it$"):
        load_tiny(tiny, tmp_path)


@pytest.mark.parametrize("folder", ["~nosuchuser/data", "d" * 300, "a\0b"])
def test_odd_data_directories(tiny: Tiny, folder: str) -> None:
    with pytest.raises(DataError, match=r"home directory of a user|too long|embedded null"):
        load_tiny(tiny, Path(folder))


def test_what_files_say_is_shown_in_short_and_without_escapes() -> None:
    assert shown("a\x1b[0mé") == "a\\x1b[0mé"
    assert len(shown("x" * 10**6)) == 203
    assert listed(range(12)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, and 2 more"
    assert listed([]) == ""
