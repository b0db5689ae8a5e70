"""A user's `.npz`: arrays `features` and `labels`, and both or none of `test_features` and `test_labels`.

A few megabytes of zip can hold terabytes of zeros. So the arrays' own headers are read first, and must agree with the
zip's directory, beyond whose sizes `zipfile` decompresses nothing; only then is memory taken for values.
"""

import io
import math
import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from pgan_ray.data.dataset import Array
from pgan_ray.data.files import listed, shown
from pgan_ray.data.table import RawPoints, check_forms
from pgan_ray.errors import DataError

_TRAIN = ("features", "labels")
_TEST = ("test_features", "test_labels")
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What `np.savez` and `np.savez_compressed` write."""
_ENCRYPTED = 0x1
_HEADER_LIMIT_BYTES = 1 << 16
_DAMAGE = (OSError, EOFError, ValueError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What `zipfile` is known to raise for archives that are damaged, or beyond it."""


@dataclass(frozen=True)
class _Header:
    """What an array says of itself before its values."""

    shape: tuple[int, ...]
    dtype: "np.dtype[Any]"


def read_npz(stream: BinaryIO, where: str) -> tuple[RawPoints, RawPoints | None]:
    """Training points, and test points where the file, called ``where``, has them. No pickle is ever loaded.

    Raises:
        DataError: the file is damaged or too large, or arrays are missing or hold something else than numbers.
    """
    if stream.read(len(npy.MAGIC_PREFIX)) == npy.MAGIC_PREFIX:
        raise DataError(f"{where}: must be an .npz archive of named arrays, got a single array; use np.savez")
    try:
        archive = zipfile.ZipFile(stream)
    except _DAMAGE as error:
        raise DataError(f"{where}: must be a NumPy .npz archive, got {shown(error)}") from error
    with archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        given = [name for name in _TEST if name in names]
        if len(given) == 1:
            raise DataError(
                f"{where}: `{_TEST[0]}` and `{_TEST[1]}` must be given together or not at all, got only `{given[0]}`"
            )
        pairs = [_TRAIN, _TEST] if given else [_TRAIN]
        headers = {name: _header(where, archive, names, name) for pair in pairs for name in pair}
        check_forms(where, [(headers[features], headers[labels], features, labels) for features, labels in pairs])
        read = [
            RawPoints(_values(where, archive, features), _values(where, archive, labels), features, labels)
            for features, labels in pairs
        ]
    return read[0], read[1] if given else None


def _header(where: str, archive: zipfile.ZipFile, names: list[str], name: str) -> _Header:
    """The header of the array ``name``, found to fit its place in the archive."""
    if names.count(name) != 1:
        found = f"{names.count(name)} of that name" if name in names else listed(names) or "none at all"
        raise DataError(f"{where}: must hold one array `{name}`, got {found}")
    try:
        member = archive.getinfo(f"{name}.npy")
        if member.flag_bits & _ENCRYPTED:
            raise ValueError("an encrypted one")
        if member.compress_type not in _COMPRESSIONS:
            raise ValueError(f"compression method {member.compress_type}; use np.savez or np.savez_compressed")
        with archive.open(member) as stream:
            # A copy: an array's header may claim to be gigabytes long.
            start = io.BytesIO(stream.read(_HEADER_LIMIT_BYTES))
        header = _parse(start)
        size = start.tell() + math.prod(header.shape) * header.dtype.itemsize
        if not header.dtype.hasobject and size != member.file_size:
            raise ValueError(f"{member.file_size} bytes where its header promises {size}")
    except (*_DAMAGE, KeyError) as error:
        raise _damaged(where, name, error) from error
    return header


def _parse(start: BinaryIO) -> _Header:
    """Read past the header. Raises `ValueError` whatever is wrong with it."""
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    version = npy.read_magic(start)
    if version not in readers:
        raise ValueError(f"an array in version {version} of the format")
    try:
        shape, _, dtype = readers[version](start)
    except (SyntaxError, TypeError, KeyError, RecursionError, MemoryError, tokenize.TokenError) as error:
        raise ValueError(f"an array with a damaged header: {error}") from error
    if any(isinstance(length, bool) or length < 0 for length in shape):
        raise ValueError(f"an array of shape {shape}")
    return _Header(shape, dtype)


def _values(where: str, archive: zipfile.ZipFile, name: str) -> Array:
    try:
        with archive.open(f"{name}.npy") as stream:
            array: Array = npy.read_array(stream, allow_pickle=False)
    except (*_DAMAGE, MemoryError) as error:
        raise _damaged(where, name, error) from error
    return array


def _damaged(where: str, name: str, error: Exception) -> DataError:
    return DataError(f"{where}: `{name}` must be a whole array of numbers, got {shown(error)}")
