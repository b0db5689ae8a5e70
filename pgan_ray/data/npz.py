"""A user's `.npz`: arrays `features` and `labels`, and both or none of `test_features` and `test_labels`."""

import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib.npyio import NpzFile

from pgan_ray.data.dataset import Array
from pgan_ray.data.table import RawPoints
from pgan_ray.errors import DataError

_TEST = ("test_features", "test_labels")


def read_npz(path: Path) -> tuple[RawPoints, RawPoints | None]:
    """Training points, and test points where the file has them. Pickled objects are never loaded.

    Raises:
        DataError: the file is damaged, or arrays are missing or hold objects.
    """
    try:
        # Opened here, because np.load leaves the file open when the archive is damaged.
        with path.open("rb") as stream:
            return _read(path, stream)
    except OSError as error:
        raise DataError(f"{path}: must be readable, got {error.strerror or error}") from error


def _read(path: Path, stream: BinaryIO) -> tuple[RawPoints, RawPoints | None]:
    try:
        file = np.load(stream, allow_pickle=False)
    except (EOFError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: must be a NumPy .npz archive without pickles, got {error}") from error
    if not isinstance(file, NpzFile):
        raise DataError(f"{path}: must be an .npz archive of named arrays, got a single array; use np.savez")
    with file:
        given = [name for name in _TEST if name in file.files]
        if len(given) == 1:
            raise DataError(f"{path}: `{_TEST[0]}` and `{_TEST[1]}` must both be given or neither, got `{given[0]}`")
        train = _pair(path, file, "features", "labels")
        return train, _pair(path, file, *_TEST) if given else None


def _pair(path: Path, file: NpzFile, features: str, labels: str) -> RawPoints:
    return RawPoints(_array(path, file, features), _array(path, file, labels), features, labels)


def _array(path: Path, file: NpzFile, name: str) -> Array:
    if name not in file.files:
        raise DataError(f"{path}: must hold an array `{name}`, got {', '.join(file.files) or 'none at all'}")
    try:
        array: Array = file[name]
    except (OSError, EOFError, ValueError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: `{name}` must be a whole array of numbers, got: {error}") from error
    return array
