"""Where IDX files are looked for: data directory, cache, system package, and last the public mirrors.

A place that lacks a file leads on to the next one; a file that is there but damaged or wrong is an error.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import platformdirs

from pgan_ray.data.dataset import Notice
from pgan_ray.data.download import DownloadError, download
from pgan_ray.data.files import exists, shown, user_path
from pgan_ray.data.idx import GZIP_OVERHEAD_BYTES, ChecksumError, IdxFile, read_idx
from pgan_ray.data.known import IdxDataset, known_content
from pgan_ray.errors import DataError

DATA_DIR_VARIABLE = "PGAN_RAY_DATA"

Values = npt.NDArray[np.uint8]
Parts = tuple[Values, Values, Values, Values]


@dataclass(frozen=True)
class _Place:
    label: str
    folder: Path
    remedy: str = "replace it"
    shared: bool = False
    """Several data sets may lie here under the same file names: the other one's file is not a fault."""


def cache_folder() -> Path:
    """Where downloads are kept for the next run."""
    return platformdirs.user_cache_path("pgan-ray")


class DataAbsentError(DataError):
    """The data is not on this machine, and was not to be downloaded."""


def load_idx(
    known: IdxDataset, *, data_dir: Path | None, cache_dir: Path, progress: Notice, may_download: bool = True
) -> tuple[Parts, str]:
    """All four files of ``known``, from the first place that has each: training images (N, H, W), their labels (N,),
    test images and labels; and where they lay.

    ``data_dir`` None stands for the environment's ``PGAN_RAY_DATA``.

    Raises:
        DataError: a file is nowhere, or is damaged; the message names every place tried and the ways out.
        DataAbsentError: a file is not here, and not ``may_download``.
    """
    places = _places(known, data_dir, cache_dir)
    sources: list[str] = []
    values: list[Values] = []
    for file in known.files:
        found = _find(file, places)
        if found is None:
            if not may_download:
                rule = "must be on this machine already, because nothing is downloaded now"
                raise DataAbsentError(f"{known.name} {rule}, got no {file.name}")
            found = _fetch(known, file, places, cache_dir, progress)
        values.append(found[0])
        if found[1] not in sources:
            sources.append(found[1])
    train_images, train_labels, test_images, test_labels = values
    return (train_images, train_labels, test_images, test_labels), ", ".join(sources)


def _places(known: IdxDataset, data_dir: Path | None, cache_dir: Path) -> list[_Place]:
    label = "data directory"
    if data_dir is None and os.environ.get(DATA_DIR_VARIABLE):
        label, data_dir = DATA_DIR_VARIABLE, Path(os.environ[DATA_DIR_VARIABLE])
    places: list[_Place] = []
    if data_dir is not None:
        data_dir = user_path(str(data_dir))
        if not exists(data_dir) or not data_dir.is_dir():
            raise DataError(f"{label}: must be a directory that exists, got {shown(data_dir)}")
        places += [_Place(label, data_dir / folder) for folder in known.folders]
        places.append(_Place(label, data_dir, shared=True))
    places.append(_Place("cache", cache_dir / known.name, remedy="delete it, so that it is downloaded again"))
    places += [_Place("system package", folder, remedy="reinstall the package") for folder in known.system_folders]
    return places


def _find(file: IdxFile, places: list[_Place]) -> tuple[Values, str] | None:
    """The file's values and where they lay, from the first of ``places`` that has it."""
    for place in places:
        for path in (place.folder / f"{file.name}.gz", place.folder / file.name):
            if not exists(path):
                continue
            try:
                return read_idx(path, file), f"{place.label} {place.folder}"
            except DataError as error:
                other = known_content(error.sha256) if isinstance(error, ChecksumError) else None
                if other and place.shared:
                    continue
                hint = f", which is the {other}" if other else ""
                raise DataError(f"{error}{hint}; {place.remedy}") from error
    return None


def _fetch(
    known: IdxDataset, file: IdxFile, places: list[_Place], cache_dir: Path, progress: Notice
) -> tuple[Values, str]:
    """Download ``file`` from the first mirror that has it into the cache."""
    target = cache_dir / known.name / f"{file.name}.gz"
    failures = [f"{place.label} {place.folder}: not there" for place in places]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(target.parent, progress):
            # Whoever held the lock before us may have brought the file.
            found = _find(file, [place for place in places if place.label == "cache"])
            if found:
                return found
            for mirror in known.mirrors:
                url = f"{mirror}{file.name}.gz"
                progress(f"{known.name}: {file.name} is not on this machine, downloading {url}")
                limit_bytes = file.size + GZIP_OVERHEAD_BYTES
                try:
                    values = download(
                        url,
                        target,
                        lambda part: read_idx(part, file),
                        limit_bytes=limit_bytes,
                        progress=progress,
                    )
                except DownloadError as error:
                    failures.append(f"{url}: {error}")
                else:
                    return values, f"download {mirror}"
    except OSError as error:
        failures.append(f"cache {target.parent}: cannot be written ({error.strerror or error})")
    raise DataError(_nowhere(known, file, target.parent, failures))


def _nowhere(known: IdxDataset, file: IdxFile, cache: Path, failures: list[str]) -> str:
    names = ", ".join(f"{one.name}.gz" for one in known.files)
    small = "`dataset.name: mnist-5k` (5,000 real MNIST images) or `digits`"
    return "\n".join(
        [
            f"{known.name}: the {file.content} ({file.name}) must be on this machine or downloadable, got",
            *(f"  - {failure}" for failure in failures),
            "what you can do:",
            f"  - put {names} (gzipped or not) into DIR/{known.name}/ "
            f"and give --data-dir DIR or set {DATA_DIR_VARIABLE}=DIR",
            f"  - or put them into {cache}",
            f"  - or use {small}, which need no network",
        ]
    )


@contextlib.contextmanager
def _one_at_a_time(folder: Path, progress: Notice) -> Iterator[None]:
    """Keep two processes from writing the same parts; where the system has no such lock, the sums decide."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with (folder / ".lock").open("w") as lock:
        with contextlib.suppress(OSError):  # some network file systems have no locks
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress(f"waiting for another process that is downloading into {folder}")
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield
