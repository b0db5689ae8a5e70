"""Files that somebody named: opened if they are regular files, else told in one line; never waited for."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from pgan_ray.errors import DataError
from pgan_ray.text import printable_line

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
_SHOWN_CHARACTERS = 200
_SHOWN_ITEMS = 10


def user_path(text: str) -> Path:
    """``text`` as a path, with ``~`` and ``~name`` replaced by the user's home.

    Raises:
        DataError: there is no such user or home.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise DataError(
            f"{shown(text)}: must start with the home directory of a user of this machine, got none; write the path in "
            "full"
        ) from error


def exists(path: Path) -> bool:
    """Whether anything lies at ``path``.

    Raises:
        DataError: the system does not tell, or cannot have such a path.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    return True


def open_regular(path: Path) -> BinaryIO:
    """``path`` for reading, if it is a regular file: opening a FIFO or a device could wait for ever.

    Raises:
        DataError: it is something else, or cannot be read.
    """
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
        if kind == stat.S_IFREG:
            # Should it become a FIFO in between, this opens it without waiting.
            stream = os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb")
            kind = stat.S_IFMT(os.fstat(stream.fileno()).st_mode)
            if kind == stat.S_IFREG:
                return stream
            stream.close()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    raise DataError(f"{shown(path)}: must be a regular file, got {_KINDS.get(kind, 'something else')}")


def shown(text: object) -> str:
    """``text`` on one line of bounded length, with everything that a terminal would act on escaped."""
    whole = str(text)
    if len(whole) > _SHOWN_CHARACTERS:
        half = _SHOWN_CHARACTERS // 2
        whole = f"{whole[:half]}...{whole[-half:]}"
    return printable_line(whole)


def listed(names: Iterable[object]) -> str:
    """The first of ``names``, and how many more there are."""
    every = list(names)
    more = f", and {len(every) - _SHOWN_ITEMS} more" if len(every) > _SHOWN_ITEMS else ""
    return ", ".join(shown(name) for name in every[:_SHOWN_ITEMS]) + more


def _unreadable(path: Path, error: OSError | ValueError) -> DataError:
    if isinstance(error, OSError):
        return DataError(f"{shown(path)}: must be readable, got {error.strerror or error}")
    return DataError(f"{shown(path)}: must be a valid path on this system, got {error}")
