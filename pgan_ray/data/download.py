"""One file over HTTP: checked before it appears, resumed where an earlier try stopped.

Not `pooch` (1.9): it knows one address a file and no further mirrors, its sums are of the bytes as sent, which differ
between mirrors that gzip differently, and it neither resumes nor bounds a download.
"""

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, TypeVar

from pgan_ray.data.dataset import Notice
from pgan_ray.data.files import shown
from pgan_ray.errors import DataError

T = TypeVar("T")

_ATTEMPTS = 5
_CHUNK_BYTES = 1 << 16
_TIMEOUT_S = 15.0
_NOTICE_PERCENT = 10


class DownloadError(Exception):
    """One address did not give the file; the message says why."""


class _CutShortError(DownloadError):
    """The connection ended early: worth another try, from where it stopped."""


def download(url: str, target: Path, verify: Callable[[Path], T], *, limit_bytes: int, progress: Notice) -> T:
    """Bring ``url`` to ``target`` and return what ``verify`` makes of it.

    The bytes grow in a ``.part`` file beside ``target`` (one for each address: mirrors may compress
    differently) and take its name only once ``verify`` has accepted them. A part that an earlier call left
    behind is continued.

    Raises:
        DownloadError: the address did not answer, or not with a file that ``verify`` accepts.
    """
    part = target.with_name(f"{target.name}.{hashlib.sha256(url.encode()).hexdigest()[:8]}.part")
    for _ in range(_ATTEMPTS):
        start = _size(part)
        try:
            _transfer(url, part, start, limit_bytes=limit_bytes, progress=progress)
        except _CutShortError:
            if _size(part) > start:
                continue
            raise
        try:
            value = verify(part)
        except DataError as error:
            part.unlink()
            if start:  # what the earlier try left may be of another version of the file
                continue
            raise DownloadError(f"sent a wrong file: {str(error).removeprefix(f'{shown(part)}: ')}") from error
        part.replace(target)
        return value
    raise DownloadError(f"the connection ended early {_ATTEMPTS} times")


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _transfer(url: str, part: Path, start: int, *, limit_bytes: int, progress: Notice) -> None:
    """Append to ``part``, which holds ``start`` bytes, until it is whole."""
    headers = {"User-Agent": "pgan-ray", **({"Range": f"bytes={start}-"} if start else {})}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT_S) as response:
            if response.status != HTTPStatus.PARTIAL_CONTENT:
                start = 0  # the server knows no ranges and sends all of it
            length = response.headers.get("Content-Length") or ""
            total = start + int(length) if length.isdigit() else None
            if total is not None and total > limit_bytes:
                raise DownloadError(f"offers {total} bytes, more than the {limit_bytes} that the file can have")
            with part.open("ab" if start else "wb") as out:
                notice = _Notice(url, total, progress)
                _copy(response, out, start, total, limit_bytes=limit_bytes, notice=notice)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and start:
                return  # nothing is left to send: let the check decide
            raise DownloadError(f"HTTP {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise DownloadError(str(error.reason)) from error
    except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise _CutShortError(f"the connection broke ({error})") from error
    except OSError as error:  # a full disk, a broken TLS connection
        raise DownloadError(str(error)) from error


def _copy(
    response: http.client.HTTPResponse,
    out: BinaryIO,
    start: int,
    total: int | None,
    *,
    limit_bytes: int,
    notice: "_Notice",
) -> None:
    done = start
    while chunk := response.read(_CHUNK_BYTES):
        done += len(chunk)
        if done > limit_bytes:
            raise DownloadError(f"sends more than the {limit_bytes} bytes that the file can have")
        out.write(chunk)
        notice.at(done)
    if total is not None and done < total:
        raise _CutShortError(f"the connection ended at {done} of {total} bytes")


class _Notice:
    """Tells ``progress`` about each further tenth of a file."""

    def __init__(self, url: str, total: int | None, progress: Notice) -> None:
        self._url = url
        self._total = total
        self._progress = progress
        self._next_percent = 0

    def at(self, done: int) -> None:
        """``done`` bytes have arrived."""
        if not self._total:
            return
        percent = 100 * done // self._total
        if percent >= self._next_percent:
            self._progress(f"downloading {self._url}: {percent} % of {self._total / 2**20:.1f} MiB")
            self._next_percent = percent - percent % _NOTICE_PERCENT + _NOTICE_PERCENT
