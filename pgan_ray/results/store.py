"""The sweep's directory, local or on S3: files that are there whole or not at all."""

import io
import posixpath
import secrets
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from pgan_ray.errors import SpecError
from pgan_ray.results.patience import patiently
from pgan_ray.results.redact import holds_secret, redact


class Store:
    """Files under one location, by relative path. Plain text inside, so it travels to workers as it is."""

    def __init__(self, location: str | Path) -> None:
        """``location``: a local path, or any URI that `pyarrow.fs` knows, such as ``s3://bucket/sweep``.

        Raises `SpecError` where the URI holds a secret.
        """
        text = str(location)
        if holds_secret(text):
            # Ray and Tune keep the location in files and logs of their own.
            raise SpecError(
                [
                    f"{redact(text)}: must hold no secret: set it as the store's own clients read it, such as "
                    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                ]
            )
        self.location = text if "://" in text else str(Path(text).absolute())

    def __reduce__(self) -> tuple[type["Store"], tuple[str]]:
        return Store, (self.location,)

    def below(self, folder: str) -> "Store":
        """The files under ``folder`` as a store of their own."""
        if "://" not in self.location:
            return Store(Path(self.location, folder))
        place, question, options = self.location.partition("?")  # such as an endpoint
        return Store(f"{place.rstrip('/')}/{folder}{question}{options}")

    def place(self, name: str) -> str:
        """Where the file ``name`` is, for people."""
        return self.below(name).location

    @cached_property
    def _root(self) -> tuple[fs.FileSystem, str]:
        rule = f"{redact(self.location)}: must be a directory or a URI such as s3://bucket/sweep"
        try:
            filesystem, root = fs.FileSystem.from_uri(self.location)
        except pa.ArrowInvalid as error:
            raise SpecError([f"{rule}, got {redact(' '.join(str(error).split()))}"]) from None
        if not root:
            raise SpecError([f"{rule}, got no bucket"])
        return filesystem, root

    def _path(self, name: str) -> tuple[fs.FileSystem, str]:
        filesystem, root = self._root
        return filesystem, posixpath.join(root, name)

    def write(self, name: str, content: bytes) -> None:
        """Write the file ``name`` whole: beside, then into place. Writing it again replaces it."""
        filesystem, path = self._path(name)
        if not isinstance(filesystem, fs.LocalFileSystem):
            patiently(lambda: _upload(filesystem, path, content))
            return
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        # Writers may be threads, processes or machines that share the directory.
        beside = target.with_name(f".{target.name}.{secrets.token_hex(8)}.partial")
        try:
            beside.write_bytes(content)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)

    def read(self, name: str) -> bytes:
        """The content of the file ``name``. Raises `FileNotFoundError`."""
        filesystem, path = self._path(name)
        return patiently(lambda: _download(filesystem, path))

    def exists(self, name: str) -> bool:
        """Whether the file ``name`` is there."""
        filesystem, path = self._path(name)
        return bool(patiently(lambda: filesystem.get_file_info(path)).type == fs.FileType.File)

    def names(self, folder: str, ending: str = "") -> list[str]:
        """The sorted names of the finished files anywhere below ``folder``."""
        filesystem, root = self._root
        selector = fs.FileSelector(posixpath.join(root, folder), recursive=True, allow_not_found=True)
        listed = patiently(lambda: filesystem.get_file_info(selector))
        found = [info.path for info in listed if info.type == fs.FileType.File]
        finished = [path for path in found if path.endswith(ending) and not posixpath.basename(path).startswith(".")]
        return sorted(posixpath.relpath(path, root) for path in finished)

    def check(self) -> None:
        """See that files can be written here. Raises `SpecError`."""
        try:
            self.write(".writable", b"")
            self.delete(".writable")
        except OSError as error:
            reason = redact(" ".join(str(error).split()))
            where = redact(self.location)
            raise SpecError([f"{where}: must be a place that can be written to, got {reason}"]) from None

    def knock(self) -> None:
        """Wait until the store answers, as long as everything else here does. Raises `OSError` where it does not."""
        self.exists(".knock")

    def delete(self, name: str) -> None:
        """Delete the file ``name``. Raises `FileNotFoundError`."""
        filesystem, path = self._path(name)
        patiently(lambda: filesystem.delete_file(path))

    def remove(self, folder: str) -> None:
        """Delete ``folder`` with all that is in it, if it is there."""
        filesystem, path = self._path(folder)
        if patiently(lambda: filesystem.get_file_info(path)).type == fs.FileType.Directory:
            patiently(lambda: filesystem.delete_dir(path))

    def write_table(self, name: str, table: pa.Table) -> None:
        """Write ``table`` as the Parquet file ``name``."""
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd")
        self.write(name, buffer.getvalue())

    def read_table(self, name: str) -> pa.Table:
        """The table in the Parquet file ``name``."""
        return pq.read_table(io.BytesIO(self.read(name)))


def _upload(filesystem: fs.FileSystem, path: str, content: bytes) -> None:
    # An object appears when its upload is complete, never before.
    with filesystem.open_output_stream(path) as stream:
        stream.write(content)


def _download(filesystem: fs.FileSystem, path: str) -> bytes:
    with filesystem.open_input_file(path) as stream:
        return bytes(stream.read())
