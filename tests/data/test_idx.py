import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from pgan_ray.data.idx import ChecksumError, read_idx
from pgan_ray.errors import DataError

from .helpers import NAMES, Tiny


def test_reads_plain_and_gzipped_alike_whatever_the_name(tiny: Tiny, tmp_path: Path) -> None:
    file = tiny.known.files[0]
    raw = tiny.raw[file.name]
    plain, zipped = tmp_path / "a.gz", tmp_path / "b"
    plain.write_bytes(raw)
    zipped.write_bytes(gzip.compress(raw))
    values = read_idx(plain, file)
    assert values.shape == (6, 2, 2)
    assert values.dtype == np.uint8
    assert values.tobytes() == raw[16:]
    np.testing.assert_array_equal(values, read_idx(zipped, file))


def test_labels_where_images_should_be(tiny: Tiny, tmp_path: Path) -> None:
    path = tmp_path / "images"
    path.write_bytes(tiny.raw[NAMES[3]] + bytes(100))
    with pytest.raises(DataError, match=r"images: must be the tiny train-images.* IDX shape \(6, 2, 2\), got IDX"):
        read_idx(path, tiny.known.files[0])


def test_header_that_promises_too_much_is_refused_before_reading(tiny: Tiny, tmp_path: Path) -> None:
    path = tmp_path / "images"
    path.write_bytes(struct.pack(">4B3I", 0, 0, 8, 3, 2**32 - 1, 2**31, 2**31))
    with pytest.raises(DataError, match=r"got IDX shape \(4294967295, 2147483648, 2147483648\)"):
        read_idx(path, tiny.known.files[0])


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "got an empty file"),
        (b"\x00\x00", "got a file that starts with 00 00"),
        (b"<!DOCTYPE html>", "got a file that starts with 3c 21"),
        (b"\x00\x00\x08\x03", "got IDX of 3 dimensions"),
    ],
)
def test_something_else(tiny: Tiny, tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(DataError, match=found):
        read_idx(path, tiny.known.files[0])


def test_cut_short(tiny: Tiny, tmp_path: Path) -> None:
    path = tmp_path / "images"
    path.write_bytes(tiny.raw[NAMES[0]][:-1])
    with pytest.raises(DataError, match="40 bytes decompressed, got 39: the file is cut short"):
        read_idx(path, tiny.known.files[0])


@pytest.mark.parametrize("cut", [1, 4, 12])
def test_truncated_gzip(tiny: Tiny, tmp_path: Path, cut: int) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(tiny.raw[NAMES[0]])[:-cut])
    with pytest.raises(DataError, match="a whole gzip file, got a damaged one"):
        read_idx(path, tiny.known.files[0])


def test_gzip_with_flipped_bits(tiny: Tiny, tmp_path: Path) -> None:
    path = tmp_path / "images.gz"
    content = bytearray(gzip.compress(tiny.raw[NAMES[0]]))
    content[-6] ^= 1  # the check sum of the whole
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="a whole gzip file, got a damaged one"):
        read_idx(path, tiny.known.files[0])


def test_gzip_bomb_is_read_one_byte_too_far_at_most(tiny: Tiny, tmp_path: Path) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(tiny.raw[NAMES[0]] + bytes(50_000_000)))
    with pytest.raises(DataError, match="40 bytes decompressed, got more"):
        read_idx(path, tiny.known.files[0])


def test_wrong_sum_carries_what_was_found(tiny: Tiny, tmp_path: Path) -> None:
    file = tiny.known.files[0]
    path = tmp_path / "images"
    path.write_bytes(tiny.raw[file.name][:-1] + b"\xff")
    with pytest.raises(ChecksumError, match=f"SHA-256 of the decompressed bytes {file.sha256}, got") as caught:
        read_idx(path, file)
    assert caught.value.sha256 in str(caught.value)


def test_unreadable(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{tmp_path}: .*regular file, got a directory"):
        read_idx(tmp_path, tiny.known.files[0])
