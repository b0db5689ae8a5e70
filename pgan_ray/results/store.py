"""The sweep's directory, local or on S3: files that are there whole or not at all."""

import contextlib
import io
import posixpath
import re
import secrets
import shutil
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from pgan_ray.errors import SpecError
from pgan_ray.results import local
from pgan_ray.results.redact import holds_secret, redact
from pgan_ray.results.retry import promptly, retrying

TRIAL_BYTES = 1 << 20  # an empty file has room on a full disk
T = TypeVar("T")


# As a folder's name it would be one that nobody finds again.
_ONE_SLASH = re.compile(r"(s3|gs|gcs|hdfs|abfs|file):/(?!/)")


class Store:
    """Files under one location, by relative path. Plain text inside, so it travels to workers as it is.

    Directories come from other people too: symbolic links in one are followed only while they stay in it, and what is
    neither a file nor a folder, such as a FIFO, is never waited for. Both are `OSError`.
    """

    def __init__(self, location: str | Path, within: str | None = None) -> None:
        """``location``: a local path, or any URI that `pyarrow.fs` knows, such as ``s3://bucket/sweep``.

        A ``~`` that the shell left is somebody's home. ``within``: the directory that links must not lead out of, where
        it is not ``location`` itself. Raises `SpecError` where the URI holds a secret.
        """
        text = _expanded(str(location))
        if "\0" in text or not _is_utf8(text):
            raise SpecError([f"{redact(text)}: must be the name of a directory, in UTF-8 and without a zero byte"])
        if not text or _ONE_SLASH.match(text):
            raise SpecError([f"{redact(text)!r}: must be a directory, or s3://BUCKET/DIR"])
        if holds_secret(text):
            # Ray and Tune keep the location in files and logs of their own.
            raise SpecError(
                [
                    f"{redact(text)}: must not hold a secret: set it in the variables that the store's clients read, "
                    "such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                ]
            )
        self.location = text if "://" in text else str(Path(text).absolute())
        self._within = within

    def __reduce__(self) -> tuple[type["Store"], tuple[str, str | None]]:
        return Store, (self.location, self._within)

    def below(self, folder: str) -> "Store":
        """The files under ``folder`` as a store of their own."""
        if "://" not in self.location:
            return Store(Path(self.location, folder), self._within or self.location)
        place, question, options = self.location.partition("?")  # such as an endpoint
        within = self._root[1] if place.startswith("file:") else None
        return Store(f"{place.rstrip('/')}/{folder}{question}{options}", self._within or within)

    def place(self, name: str) -> str:
        """Where the file ``name`` is, for people."""
        return self.below(name).location

    @cached_property
    def _root(self) -> tuple[fs.FileSystem, str]:
        rule = f"{redact(self.location)}: must be a directory or a URI such as s3://bucket/sweep"
        try:
            # Asks the bucket for its region, where nothing else names it.
            filesystem, root = retrying(lambda: fs.FileSystem.from_uri(self.location))
        except pa.ArrowException as error:  # no such scheme, or pyarrow was built without it
            raise SpecError([f"{rule}, got {_reason(error)}"]) from None
        except OSError as error:
            raise OSError(_reason(error)) from None
        if not root:
            raise SpecError([f"{rule}, got no bucket"])
        return _without_retries(filesystem), root

    def _path(self, name: str) -> tuple[fs.FileSystem, str]:
        """Where ``name`` is; raises `OSError` where that is not in here."""
        filesystem, root = self._root
        if name.startswith("/") or ".." in name.split("/"):
            raise OSError(f"{name}: must be a place in the directory")
        path = posixpath.join(root, name)
        if isinstance(filesystem, fs.LocalFileSystem):
            local.check_inside(Path(path), self._inside)
        return filesystem, path

    @property
    def _inside(self) -> Path:
        return Path(self._within or self._root[1])

    def write(self, name: str, content: bytes, *, durable: bool = False) -> None:
        """Write the file ``name`` whole: beside, then into place. Writing it again replaces it.

        ``durable``: it is there even after a power cut, once this returns; S3's always are.
        """
        filesystem, path = self._path(name)
        if not isinstance(filesystem, fs.LocalFileSystem):
            retrying(lambda: _upload(filesystem, path, content))
            return
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        # Writers may be threads, processes or machines that share the directory.
        beside = target.with_name(f".{target.name}.{secrets.token_hex(8)}.partial")
        try:
            beside.write_bytes(content)
            if durable:
                local.sync(beside)
            beside.replace(target)
            if durable:
                local.sync(target.parent)
        finally:
            beside.unlink(missing_ok=True)

    def read(self, name: str, at_most: int | None = None) -> bytes:
        """The content of the file ``name``, of ``at_most`` so many bytes. Raises `FileNotFoundError`, `OSError`."""
        content = self.start(name, None if at_most is None else at_most + 1)
        if at_most is not None and len(content) > at_most:
            raise OSError(f"must have at most {at_most:,} bytes, got more")
        return content

    def start(self, name: str, size: int | None) -> bytes:
        """The first ``size`` bytes of the file ``name``; all of them where it is None. Raises as `read` does."""
        filesystem, path = self._path(name)
        if isinstance(filesystem, fs.LocalFileSystem):
            return local.read(Path(path), size)
        return retrying(lambda: _download(filesystem, path, size))

    def exists(self, name: str) -> bool:
        """Whether the file ``name`` is there."""
        filesystem, path = self._path(name)
        return bool(retrying(lambda: filesystem.get_file_info(path)).type == fs.FileType.File)

    def names(self, folder: str, ending: str = "", *, hidden: bool = False) -> list[str]:
        """The sorted names of the finished files anywhere below ``folder``; ``hidden``: those with a dot in front too.

        What is in a file's place and is none is among them, as long as its name has the ``ending``: it cannot be read.
        """
        filesystem, path = self._path(folder)
        if isinstance(filesystem, fs.LocalFileSystem):
            found = [str(file) for file in local.files(Path(path), self._inside, ending)]
        else:
            selector = fs.FileSelector(path, recursive=True, allow_not_found=True)
            listed = retrying(lambda: filesystem.get_file_info(selector))
            found = [info.path for info in listed if info.type == fs.FileType.File]
        named = [file for file in found if file.endswith(ending)]
        finished = [file for file in named if hidden or not posixpath.basename(file).startswith(".")]
        return sorted(posixpath.relpath(file, self._root[1]) for file in finished)

    def entries(self) -> list[str]:
        """The sorted names of everything directly in here, hidden or not; none where there is no such place."""
        filesystem, path = self._root
        if isinstance(filesystem, fs.LocalFileSystem):
            return sorted(entry.name for entry in Path(path).iterdir()) if Path(path).is_dir() else []
        selector = fs.FileSelector(path, allow_not_found=True)
        listed = retrying(lambda: filesystem.get_file_info(selector))
        return sorted(info.base_name for info in listed)

    def link_out(self, names: Iterable[str]) -> str | None:
        """The first of ``names``, or of what is below them, that is a link out of the directory; None on S3."""
        filesystem, root = self._root
        if isinstance(filesystem, fs.LocalFileSystem):
            for name in names:
                found = local.link_out(Path(root, name), self._inside)
                if found is not None:
                    return str(found)
        return None

    def check(self, needed_bytes: int = 0, *, keeps_folder: bool = True) -> None:
        """See that files can be written here, and that there is room for ``needed_bytes``. Raises `SpecError`.

        ``keeps_folder``: whether a directory that was not there before stays, empty.
        """
        trial = f".writable-{secrets.token_hex(4)}"  # no file of anybody's has the name

        def write() -> None:
            self.write(trial, secrets.token_bytes(TRIAL_BYTES))
            self.delete(trial)

        rule = "must be a place that can be written to"
        missing = [] if keeps_folder else self.at_start(self._missing, rule)
        self.at_start(write, rule)
        free_bytes = self._free_bytes()
        for folder in missing:
            with contextlib.suppress(OSError):  # somebody has put something into it
                folder.rmdir()
        if free_bytes is not None and free_bytes < needed_bytes:
            raise SpecError(
                [
                    f"{redact(self.location)}: must have room for what the sweep stores, about {needed_bytes:,} bytes, "
                    f"got {free_bytes:,} free: name another place with --out"
                ]
            )

    def _missing(self) -> list[Path]:
        """The folders that `write` would make, the innermost first; none of a store that has no folders."""
        filesystem, root = self._root
        if not isinstance(filesystem, fs.LocalFileSystem):
            return []
        return [folder for folder in (Path(root), *Path(root).parents) if not folder.exists()]

    def at_start(self, call: Callable[[], T], rule: str = "must be a place that can be read") -> T:
        """The result of ``call``, which asks this store before anything starts: no long waits, as `promptly` says.

        Raises `SpecError` with the ``rule`` where it does not answer.
        """
        try:
            return promptly(call)
        except OSError as error:
            raise SpecError([f"{redact(self.location)}: {rule}, got {_reason(error)}"]) from None

    def _free_bytes(self) -> int | None:
        """What a disk has left; None of a store that does not say."""
        filesystem, root = self._root
        return shutil.disk_usage(root).free if isinstance(filesystem, fs.LocalFileSystem) else None

    def wait_until_available(self) -> None:
        """Wait until the store answers, as long as everything else here does. Raises `OSError` where it does not."""
        self.exists(".available")

    def delete(self, name: str) -> None:
        """Delete the file ``name``. Raises `FileNotFoundError`."""
        filesystem, path = self._path(name)
        retrying(lambda: filesystem.delete_file(path))

    def prune(self, folder: str) -> None:
        """Delete ``folder`` and the folders below it as far as they are empty."""
        filesystem, path = self._path(folder)
        if isinstance(filesystem, fs.LocalFileSystem):
            local.prune(Path(path))

    def write_table(self, name: str, table: pa.Table, *, durable: bool = False) -> None:
        """Write ``table`` as the Parquet file ``name``, as `write` does."""
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd")
        self.write(name, buffer.getvalue(), durable=durable)

    def read_table(self, name: str) -> pa.Table:
        """The table in the Parquet file ``name``. Raises `ValueError` where it is none."""
        content = self.read(name)
        try:
            return parquet_file(content).read(use_threads=False)
        except (OSError, MemoryError, NotImplementedError) as error:
            raise ValueError(f"must be a Parquet file, got {' '.join(str(error).split())}") from None


def parquet_file(content: bytes) -> pq.ParquetFile:
    """The Parquet file that ``content`` is, to be read without threads.

    Those of Arrow's let go of the bytes after a read has ended: a process that ends just then is aborted, all done.
    """
    return pq.ParquetFile(io.BytesIO(content), pre_buffer=False)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _expanded(text: str) -> str:
    try:
        return str(Path(text).expanduser()) if text.startswith("~") else text
    except RuntimeError:
        raise SpecError([f"{text}: must be a directory, got the home of an unknown user"]) from None


def _without_retries(filesystem: fs.FileSystem) -> fs.FileSystem:
    """One request a call: `retrying` tries again, and can be told to end."""
    if filesystem.type_name != "s3":
        return filesystem
    _, (options,) = filesystem.__reduce__()  # as it is pickled: pyarrow has no other way to change one option
    return fs.S3FileSystem(**options, retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=1))


def _reason(error: BaseException) -> str:
    """The first line: of a library that is not there, pyarrow names every place where it looked."""
    lines = redact(str(error)).strip().splitlines()
    return " ".join(lines[0].split()) if lines else type(error).__name__


def _upload(filesystem: fs.FileSystem, path: str, content: bytes) -> None:
    # An object appears when its upload is complete, never before.
    with filesystem.open_output_stream(path) as stream:
        stream.write(content)


def _download(filesystem: fs.FileSystem, path: str, size: int | None) -> bytes:
    with filesystem.open_input_file(path) as stream:
        return bytes(stream.read(size))
