"""IDX files, the format of MNIST and its kin: read whole, and only if they are exactly what they should be.

An IDX file of bytes starts with 0, 0, 8 and the number of dimensions, then each dimension as a big-endian
32-bit integer, then the values. The files that we read are known to the byte, so nothing in a file decides
how much memory is taken: a header that differs is refused before the values are read, and at most one byte
more than the file should have is read.
"""

import gzip
import hashlib
import math
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt

from pgan_ray.data.files import open_regular, shown
from pgan_ray.errors import DataError

GZIP_OVERHEAD_BYTES = 1 << 16
_GZIP_MAGIC = b"\x1f\x8b"


class ChecksumError(DataError):
    """A file has the right form but other content; ``sha256`` is what was found."""

    def __init__(self, message: str, sha256: str) -> None:
        super().__init__(message)
        self.sha256 = sha256


@dataclass(frozen=True)
class IdxFile:
    """A known IDX file of unsigned bytes."""

    name: str
    """File name without ``.gz``."""
    content: str
    """What it holds, for people: ``MNIST training images``."""
    shape: tuple[int, ...]
    sha256: str
    """Of the decompressed bytes, in hex."""

    @property
    def header(self) -> bytes:
        """The bytes before the values."""
        return struct.pack(f">4B{len(self.shape)}I", 0, 0, 8, len(self.shape), *self.shape)

    @property
    def size(self) -> int:
        """Length in bytes, decompressed."""
        return len(self.header) + math.prod(self.shape)


def read_idx(path: Path, file: IdxFile) -> npt.NDArray[np.uint8]:
    """The values in ``path``, gzipped or not, of shape ``file.shape``, read-only.

    Raises:
        ChecksumError: the form is right but the SHA-256 is another.
        DataError: the file cannot be read, is damaged, or is something else.
    """
    try:
        with open_regular(path) as raw:
            limit = file.size + GZIP_OVERHEAD_BYTES
            if os.fstat(raw.fileno()).st_size > limit:  # gzip's own headers may be of any length
                raise DataError(_wrong(path, file, f"at most {limit} bytes, gzipped or not", "more"))
            stream = _decompressed(raw)
            header = stream.read(len(file.header))
            if header != file.header:
                raise DataError(_wrong(path, file, f"IDX shape {file.shape}", _describe(header)))
            data = header + stream.read(file.size - len(header) + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(_wrong(path, file, "a whole gzip file", f"a damaged one ({error})")) from error
    except OSError as error:
        raise DataError(_wrong(path, file, "readable", str(error.strerror or error))) from error
    if len(data) != file.size:
        found = "more" if len(data) > file.size else f"{len(data)}: the file is cut short"
        raise DataError(_wrong(path, file, f"{file.size} bytes decompressed", found))
    digest = hashlib.sha256(data).hexdigest()
    if digest != file.sha256:
        message = _wrong(path, file, f"SHA-256 of the decompressed bytes {file.sha256}", digest)
        raise ChecksumError(message, digest)
    return np.frombuffer(data, dtype=np.uint8, offset=len(header)).reshape(file.shape)


def _decompressed(raw: BinaryIO) -> BinaryIO:
    """``raw``, decompressed if its first bytes (not its name) say that it is gzipped."""
    gzipped = raw.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    raw.seek(0)
    return cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if gzipped else raw


def _wrong(path: Path, file: IdxFile, rule: str, found: str) -> str:
    return f"{shown(path)}: must be the {file.content}: {rule}, got {found}"


def _describe(header: bytes) -> str:
    """What the first bytes of a file say that it is."""
    if len(header) >= 4 and header[:3] == b"\x00\x00\x08" and len(header) >= 4 + 4 * header[3]:
        return f"IDX shape {struct.unpack_from(f'>{header[3]}I', header, 4)}"
    if len(header) >= 4 and header[:3] == b"\x00\x00\x08":
        return f"IDX of {header[3]} dimensions"
    return f"a file that starts with {header[:16].hex(' ')}" if header else "an empty file"
