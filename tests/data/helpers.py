"""Tiny IDX data sets, and a file server that misbehaves on demand."""

import gzip
import hashlib
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np

from pgan_ray.data import known
from pgan_ray.data.idx import IdxFile
from pgan_ray.data.known import IdxDataset

SHAPES = ((6, 2, 2), (6,), (4, 2, 2), (4,))
NAMES = tuple(file.name for file in known.IDX_DATASETS["mnist"].files)


@dataclass
class Tiny:
    """A data set of four tiny IDX files, and their bytes by file name."""

    known: IdxDataset
    raw: dict[str, bytes]

    def put(self, folder: Path, *names: str, gzipped: bool = True) -> None:
        """Write the named files (all by default) into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in names or NAMES:
            if gzipped:
                (folder / f"{name}.gz").write_bytes(gzip.compress(self.raw[name]))
            else:
                (folder / name).write_bytes(self.raw[name])


def make_tiny(name: str, seed: int, mirrors: tuple[str, ...] = ()) -> Tiny:
    rng = np.random.default_rng(seed)
    files, raw = [], {}
    for file_name, shape in zip(NAMES, SHAPES, strict=True):
        body = rng.integers(0, 10, size=shape, dtype=np.uint8).tobytes()
        header = IdxFile(file_name, "", shape, "").header
        raw[file_name] = header + body
        sha256 = hashlib.sha256(header + body).hexdigest()
        files.append(IdxFile(file_name, f"{name} {file_name}", shape, sha256))
    return Tiny(IdxDataset(name, tuple(files), folders=(name,), mirrors=mirrors), raw)


@dataclass
class FileServer:
    """Serves ``files`` by path on 127.0.0.1; ``requests`` lists path and `Range` of each request."""

    files: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    """Each coming answer dies after so many bytes of its body."""
    knows_ranges: bool = True
    tells_length: bool = True
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers.get("Range")
        self.requests.append((handler.path, wanted))
        body = self.files.get(handler.path)
        if body is None:
            handler.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.knows_ranges else 0
        if start and start >= len(body):
            handler.send_error(416)
            return
        handler.send_response(206 if start else 200)
        if self.tells_length:
            handler.send_header("Content-Length", str(len(body) - start))
        handler.end_headers()
        end = start + self.cuts.pop(0) if self.cuts else len(body)
        handler.wfile.write(body[start:end])
