"""Files on a disk that a stranger may have put there: no link leads out, nothing is waited for."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pgan_ray.results.redact import redact


def check_inside(path: Path, within: Path) -> None:
    """See that ``path``, its links followed, is in ``within``. Raises `OSError`."""
    try:
        real, allowed = path.resolve(), within.resolve()
    except RuntimeError:  # what Python 3.12 and older call it
        raise OSError("must not be a symbolic link to itself") from None
    if real != allowed and allowed not in real.parents:
        raise OSError(f"must not be a symbolic link out of the directory, got one to {redact(str(real))}")


def read(path: Path, size: int | None) -> bytes:
    """The content of a file, or the first ``size`` bytes of it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would wait for its writer
    except FileNotFoundError:
        if path.is_symlink():  # something is there, under its name: it is not as if there were nothing
            raise OSError("must be a file, got a symbolic link to nothing") from None
        raise
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(f"must be a file, got {'a directory' if stat.S_ISDIR(mode) else 'a pipe or a device'}")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(size)
    finally:
        os.close(descriptor)


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, from the system's memory to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def files(folder: Path, within: Path, ending: str) -> Iterator[Path]:
    """What is not a folder, anywhere below ``folder``, and the folders whose names have the ``ending`` of files.

    Folders behind links are not entered, so that none is entered twice. Raises `OSError` where a link leads out.
    """
    waiting = [folder]
    while waiting:
        try:
            found = list(waiting.pop().iterdir())
        except (FileNotFoundError, NotADirectoryError):
            continue
        for path in found:
            is_link = path.is_symlink()
            if is_link:
                check_inside(path, within)
            if is_link or not path.is_dir():
                yield path
                continue
            if ending and path.name.endswith(ending):
                yield path
            waiting.append(path)


def link_out(path: Path, within: Path) -> Path | None:
    """``path``, or the first thing below it, that is a link out of ``within``."""
    try:
        check_inside(path, within)
    except OSError:
        return path
    for place, folders, names in os.walk(path):
        for name in (*folders, *names):
            below = Path(place, name)
            if below.is_symlink():
                try:
                    check_inside(below, within)
                except OSError:
                    return below
    return None


def prune(folder: Path) -> None:
    """Delete ``folder`` and the folders below it, as far as they are empty."""
    for place, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):  # something is in it, or it is no more
            Path(place).rmdir()
