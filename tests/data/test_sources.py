import dataclasses
import gzip
from pathlib import Path

import numpy as np
import pytest

from pgan_ray.data import known, sources
from pgan_ray.data.sources import load_idx
from pgan_ray.datasets import RawDataset
from pgan_ray.datasets.load import load_dataset
from pgan_ray.errors import DataError
from tests.tiny import dataset_config

from .helpers import NAMES, FileServer, Tiny, make_tiny


@pytest.fixture(autouse=True)
def _no_data_dir(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGAN_RAY_DATA", raising=False)


def load(tiny: Tiny, tmp_path: Path, data_dir: Path | None = None, mirrors: tuple[str, ...] = ()) -> RawDataset:
    which = dataclasses.replace(tiny.known, mirrors=mirrors) if mirrors else tiny.known
    parts, source = load_idx(which, data_dir=data_dir, cache_dir=tmp_path / "cache", progress=[].append)
    return RawDataset(*parts, source=source)


def serve(server: FileServer, tiny: Tiny, folder: str = "good/") -> str:
    for name, raw in tiny.raw.items():
        server.files[f"/{folder}{name}.gz"] = gzip.compress(raw)
    return f"{server.url}{folder}"


@pytest.mark.parametrize("folder", ["tiny", "."])
@pytest.mark.parametrize("gzipped", [True, False])
def test_layouts_of_a_data_directory(tiny: Tiny, tmp_path: Path, folder: str, gzipped: bool) -> None:
    tiny.put(tmp_path / "data" / folder, gzipped=gzipped)
    dataset = load(tiny, tmp_path, tmp_path / "data")
    assert dataset.source == f"data directory {tmp_path / 'data' / folder}"
    assert dataset.features.shape == (6, 2, 2)
    assert dataset.test_features is not None
    assert dataset.test_features.shape == (4, 2, 2)
    assert dataset.features.tobytes() == tiny.raw[NAMES[0]][16:]
    assert dataset.test_labels is not None
    assert dataset.test_labels.tolist() == list(tiny.raw[NAMES[3]][8:])


def test_environment_names_the_data_directory(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.put(tmp_path / "data" / "tiny")
    monkeypatch.setenv("PGAN_RAY_DATA", str(tmp_path / "data"))
    assert load(tiny, tmp_path).source == f"PGAN_RAY_DATA {tmp_path / 'data' / 'tiny'}"
    monkeypatch.setenv("PGAN_RAY_DATA", str(tmp_path / "elsewhere"))
    with pytest.raises(DataError, match=r"PGAN_RAY_DATA: must be a directory that exists, got .*elsewhere"):
        load(tiny, tmp_path)


def test_data_directory_then_cache_then_system_package(tiny: Tiny, tmp_path: Path) -> None:
    system = tmp_path / "system"
    tiny.known = dataclasses.replace(tiny.known, system_folders=(system,))
    (tmp_path / "data").mkdir()
    tiny.put(system)
    assert load(tiny, tmp_path, tmp_path / "data").source == f"system package {system}"
    tiny.put(tmp_path / "cache" / "tiny")
    assert load(tiny, tmp_path, tmp_path / "data").source == f"cache {tmp_path / 'cache' / 'tiny'}"
    tiny.put(tmp_path / "data" / "tiny", NAMES[0])
    mixed = load(tiny, tmp_path, tmp_path / "data")
    assert mixed.source == f"data directory {tmp_path / 'data' / 'tiny'}, cache {tmp_path / 'cache' / 'tiny'}"


def test_a_damaged_file_is_an_error_although_the_next_place_is_whole(tiny: Tiny, tmp_path: Path) -> None:
    tiny.put(tmp_path / "cache" / "tiny")
    tiny.put(tmp_path / "data" / "tiny")
    path = tmp_path / "data" / "tiny" / f"{NAMES[1]}.gz"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DataError, match=f"{path}: must be the tiny .* damaged one .*; replace it"):
        load(tiny, tmp_path, tmp_path / "data")


def test_a_damaged_cache_says_that_it_may_be_deleted(tiny: Tiny, tmp_path: Path) -> None:
    tiny.put(tmp_path / "cache" / "tiny")
    (tmp_path / "cache" / "tiny" / f"{NAMES[0]}.gz").write_bytes(b"half")
    with pytest.raises(DataError, match="delete it, so that it is downloaded again"):
        load(tiny, tmp_path)


def test_the_other_data_set_under_our_name(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = make_tiny("other", seed=2)
    monkeypatch.setitem(known.IDX_DATASETS, "other", other.known)
    other.put(tmp_path / "data" / "tiny")
    with pytest.raises(DataError, match="which is the other train-images-idx3-ubyte; replace it"):
        load(tiny, tmp_path, tmp_path / "data")
    # Side by side with no folder of its own it is no fault: it is the other one's file.
    other.put(tmp_path / "flat")
    tiny.put(tmp_path / "cache" / "tiny")
    assert load(tiny, tmp_path, tmp_path / "flat").source.startswith("cache ")


def test_download_fills_the_cache(server: FileServer, tiny: Tiny, tmp_path: Path) -> None:
    mirror = serve(server, tiny)
    first = load(tiny, tmp_path, mirrors=(mirror,))
    assert first.source == f"download {mirror}"
    server.files.clear()
    second = load(tiny, tmp_path, mirrors=(mirror,))
    assert second.source == f"cache {tmp_path / 'cache' / 'tiny'}"
    assert np.array_equal(second.features, first.features)
    assert sorted(path.name for path in (tmp_path / "cache" / "tiny").glob("*.gz*")) == sorted(
        f"{name}.gz" for name in NAMES
    )


def test_two_processes_do_not_download_at_once(server: FileServer, tiny: Tiny, tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl", reason="the system has no such lock")
    folder = tmp_path / "cache" / "tiny"
    folder.mkdir(parents=True)
    notices: list[str] = []

    def notice(text: str) -> None:
        notices.append(text)
        tiny.put(folder)  # the other process is done
        fcntl.flock(other, fcntl.LOCK_UN)

    with (folder / ".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        known_here = dataclasses.replace(tiny.known, mirrors=(server.url,))
        _, source = load_idx(known_here, data_dir=None, cache_dir=tmp_path / "cache", progress=notice)
    assert notices == [f"waiting for another process that is downloading into {folder}"]
    assert source == f"cache {folder}"
    assert server.requests == []


def test_falls_to_the_next_mirror(server: FileServer, tiny: Tiny, tmp_path: Path) -> None:
    good = serve(server, tiny)
    for name, raw in tiny.raw.items():
        server.files[f"/bad/{name}.gz"] = gzip.compress(raw[:-1] + b"\xff")
    dataset = load(tiny, tmp_path, mirrors=(f"{server.url}none/", f"{server.url}bad/", good))
    assert dataset.source == f"download {good}"


def test_nowhere_to_be_found_names_every_place_and_the_ways_out(server: FileServer, tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    server.files[f"/bad/{NAMES[0]}.gz"] = b"<html>log in first</html>"
    mirrors = (f"{server.url}none/", f"{server.url}bad/")
    with pytest.raises(
        DataError, match=r"tiny: the tiny train-images.* must be on this machine or downloadable"
    ) as caught:
        load(tiny, tmp_path, tmp_path / "data", mirrors)
    message = str(caught.value)
    for part in (
        f"data directory {tmp_path / 'data' / 'tiny'}: not there",
        f"cache {tmp_path / 'cache' / 'tiny'}: not there",
        f"{server.url}none/{NAMES[0]}.gz: HTTP 404 Not Found",
        f"{server.url}bad/{NAMES[0]}.gz: sent a wrong file",
        "--data-dir DIR or set PGAN_RAY_DATA=DIR",
        "`dataset.name: mnist-5k`",
    ):
        assert part in message


def test_a_cache_that_cannot_be_written(tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"cannot be written \((File exists|Not a directory)\)"):
        load(tiny, tmp_path)


def test_load_dataset_uses_the_users_cache(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(known.IDX_DATASETS, "mnist", tiny.known)
    monkeypatch.setattr(sources.platformdirs, "user_cache_path", lambda name: tmp_path / name)
    tiny.put(tmp_path / "pgan-ray" / "tiny")
    dataset = load_dataset(dataset_config(name="mnist"), seed=0)
    assert dataset.source == f"cache {tmp_path / 'pgan-ray' / 'tiny'}"


@pytest.mark.parametrize(
    ("name", "class_five"),
    [("mnist", 5421), ("fashion-mnist", 6000)],
)
def test_the_real_files(full_data_dir: Path, name: str, class_five: int) -> None:
    dataset = load_dataset(dataset_config(name=name), seed=0, data_dir=full_data_dir)
    assert dataset.train_features.shape == (60000, 784)
    assert dataset.test_features.shape == (10000, 784)
    assert (dataset.train_labels == 5).sum() == class_five
    assert np.unique(dataset.test_labels).tolist() == list(range(10))
    assert dataset.train_labels.dtype == np.int64
    assert (dataset.image_shape, dataset.value_range) == ((28, 28), (0.0, 255.0))
    assert not dataset.train_features.flags.writeable


def test_known_files_have_different_sums_and_mirrors_end_in_a_slash() -> None:
    sums = [file.sha256 for one in known.IDX_DATASETS.values() for file in one.files]
    assert len(set(sums)) == 8
    assert all(len(bytes.fromhex(one)) == 32 for one in sums)
    assert all(mirror.endswith("/") for one in known.IDX_DATASETS.values() for mirror in one.mirrors)
