"""Small files that stand for more than a machine holds: refused before memory is taken."""

import gzip
import io
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pgan_ray.data import table
from pgan_ray.data.idx import read_idx
from pgan_ray.datasets.load import load_dataset
from pgan_ray.errors import DataError
from tests.tiny import dataset_config

from .helpers import NAMES, Tiny

MEBIBYTE = 1 << 20
LABELS = np.repeat([3, 5], 10)


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(table, "LIMIT_BYTES", MEBIBYTE)
    return MEBIBYTE


def refuse(path: Path, message: str) -> None:
    """See that ``path`` is refused, and that Python takes little memory for it."""
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=message):
            load_dataset(dataset_config(path=str(path)), seed=0)
        assert tracemalloc.get_traced_memory()[1] < 4 * MEBIBYTE
    finally:
        tracemalloc.stop()


def array(shape: str, values: bytes, descr: str = "<f8") -> bytes:
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + values


def archive(path: Path, features: bytes, *, told_bytes: int | None = None, rows: int = 20) -> Path:
    """An .npz whose directory says of ``features`` that it is ``told_bytes`` long."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("features.npy", features)
        out.writestr("labels.npy", array(f"({rows},)", np.resize(LABELS, rows).tobytes(), "<i8"))
    if told_bytes is not None:
        content = bytearray(path.read_bytes())
        entry = content.index(b"PK\x01\x02")
        content[entry + 24 : entry + 28] = struct.pack("<I", told_bytes)
        path.write_bytes(content)
    return path


def test_npz_beyond_the_limit_as_it_is(tmp_path: Path) -> None:
    header = array("(30000, 10000)", b"")
    path = archive(tmp_path / "my.npz", header + bytes(MEBIBYTE), told_bytes=len(header) + 8 * 300_000_000, rows=30_000)
    refuse(path, "features must take at most 2 GiB of memory, .* got 2.24 GiB; keep fewer points, or fewer features$")


@pytest.mark.parametrize("kind", ["float64", "float32", "uint8"])
def test_npz_at_and_beyond_the_limit(tmp_path: Path, limit: int, kind: str) -> None:
    features = limit // max(np.dtype(kind).itemsize, 4)
    half = features // 20
    for width, fits in ((half, True), (half + 1, False)):
        np.savez_compressed(tmp_path / "my.npz", features=np.ones((20, width), dtype=kind), labels=LABELS)
        if fits:
            dataset = load_dataset(dataset_config(path=str(tmp_path / "my.npz")), seed=0)
            assert dataset.train_features.shape == (16, width)
        else:
            refuse(tmp_path / "my.npz", r"must take at most 0.000977 GiB of memory, .* got 0.000977 GiB")


def test_training_and_test_points_count_together(tmp_path: Path, limit: int) -> None:
    features = np.ones((20, limit // 4 // 20 // 2 + 1), dtype=np.float32)
    np.savez(tmp_path / "my.npz", features=features, labels=LABELS, test_features=features, test_labels=LABELS)
    refuse(tmp_path / "my.npz", "features must take at most")


def test_npz_whose_header_and_directory_disagree(tmp_path: Path) -> None:
    promises = archive(tmp_path / "a.npz", array("(1000000000, 1000)", b""))
    refuse(
        promises, r"a.npz: `features` must be a whole array of numbers, got 8\d* bytes|bytes where its header promises"
    )
    holds = archive(tmp_path / "b.npz", array("(20, 3)", bytes(50 * MEBIBYTE)))
    refuse(holds, r"b.npz: `features` must be .* got 524288\d\d bytes where its header promises 5\d\d$")
    # The same, with a directory that agrees with the header: no more than it says is decompressed.
    fits = len(array("(20, 3)", b"")) + 20 * 3 * 8
    agrees = archive(tmp_path / "c.npz", array("(20, 3)", bytes(50 * MEBIBYTE)), told_bytes=fits)
    refuse(agrees, r"c.npz: `features` must be .* got Bad CRC-32")


def test_npz_with_an_array_header_of_gigabytes(tmp_path: Path) -> None:
    path = archive(tmp_path / "my.npz", b"\x93NUMPY\x02\x00" + b"\xff" * 4 + b" " * 50 * MEBIBYTE)
    refuse(path, r"`features` must be .* got EOF: reading array header, expected 4294967295 bytes")


@pytest.mark.parametrize("shape", ["(-20, -3)", "(20, True)", "((20,), 3)", "(20, 3", "(" * 3000])
def test_npz_with_a_damaged_array_header(tmp_path: Path, shape: str) -> None:
    refuse(archive(tmp_path / "my.npz", array(shape, bytes(480))), "`features` must be a whole array of numbers, got")


@pytest.mark.parametrize(
    ("offset", "value", "found"),
    [
        (6, 255, "zip file version 25.5"),
        (8, 1, "got an encrypted one"),
        (10, zipfile.ZIP_LZMA, "got compression method 14; use np.savez"),
        (10, 99, "got compression method 99; use np.savez"),
    ],
)
def test_npz_that_numpy_does_not_write(tmp_path: Path, offset: int, value: int, found: str) -> None:
    path = archive(tmp_path / "my.npz", array("(20, 3)", bytes(480)))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + offset] = value
    path.write_bytes(content)
    refuse(path, found)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_npz_with_two_arrays_of_one_name(tmp_path: Path) -> None:
    path = archive(tmp_path / "my.npz", array("(20, 3)", bytes(480)))
    with zipfile.ZipFile(path, "a") as out:
        out.writestr("features.npy", array("(20, 3)", bytes(480)))
    refuse(path, "must hold one array `features`, got 2 of that name")


@pytest.mark.parametrize("kind", ["float64", "uint8"])
def test_parquet_of_lists_at_and_beyond_the_limit(tmp_path: Path, limit: int, kind: str) -> None:
    values = pa.array(np.ones(limit // max(np.dtype(kind).itemsize, 4) // 32 * 32, dtype=kind))
    width = len(values) // 32
    columns = {"features": pa.FixedSizeListArray.from_arrays(values, width), "label": np.arange(32) % 2}
    pq.write_table(pa.table(columns), tmp_path / "my.parquet")
    refuse(tmp_path / "my.parquet", "features must take at most 0.000977 GiB of memory")
    pq.write_table(pa.table(columns)[:30], tmp_path / "my.parquet", row_group_size=7)
    assert load_dataset(dataset_config(path=str(tmp_path / "my.parquet")), seed=0).train_features.shape[1] == width


def one_list(values: np.ndarray) -> bytes:
    """A Parquet file of one row, whose features are ``values``."""
    out = io.BytesIO()
    features = pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), pa.array(values))
    columns = {"features": features, "label": [3]}
    pq.write_table(pa.table(columns), out, compression="none", write_statistics=False, data_page_size=1 << 30)
    return out.getvalue()


def first_chunk_bytes(file: bytes) -> int:
    return int(pq.ParquetFile(io.BytesIO(file)).metadata.row_group(0).column(0).total_compressed_size)


def test_parquet_whose_pages_hold_more_than_the_metadata_says(tmp_path: Path, limit: int) -> None:
    honest, bomb = one_list(np.arange(100.0)), one_list(np.zeros(1_000_000))
    room, taken = first_chunk_bytes(honest), first_chunk_bytes(bomb)
    lie = honest[:4] + bomb[4 : 4 + taken] + bytes(room - taken) + honest[4 + room :]
    path = tmp_path / "my.parquet"
    path.write_bytes(lie)
    assert pq.read_table(path).nbytes > 7 * limit  # Arrow believes the pages
    refuse(path, r"features must take at most 0.000977 GiB of memory, .* got 0.00745 GiB")


def test_long_texts_in_place_of_the_split_are_not_repeated(tmp_path: Path) -> None:
    split = pa.DictionaryArray.from_arrays(pa.array([0] * 5000, pa.int8()), pa.array(["x" * 10**5]))
    pq.write_table(pa.table({"label": [3, 5] * 2500, "a": [1.0] * 5000, "split": split}), tmp_path / "my.parquet")
    refuse(
        tmp_path / "my.parquet", r"`split` must hold both `train` and `test`, and nothing else, got x{100}\.\.\.x{100}$"
    )


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_the_pages_of_honest_files_fit(tmp_path: Path, version: str, compression: str) -> None:
    rng = np.random.default_rng(0)
    columns = {"label": np.arange(500) % 2, "features": pa.array(rng.normal(size=(500, 7)).tolist())}
    pq.write_table(
        pa.table(columns),
        tmp_path / "my.parquet",
        data_page_version=version,
        compression=compression,
        data_page_size=64,
        row_group_size=90,
        write_page_checksum=True,
    )
    assert load_dataset(dataset_config(path=str(tmp_path / "my.parquet")), seed=0).train_features.shape == (400, 7)


def test_a_gzipped_idx_file_is_never_longer_than_its_content(tiny: Tiny, tmp_path: Path) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(b"") * 10_000 + gzip.compress(tiny.raw[NAMES[0]]))
    with pytest.raises(DataError, match=r"must be the .* at most 65576 bytes, gzipped or not, got more"):
        read_idx(path, tiny.known.files[0])
