"""A user's own data set, out of one file."""

from pathlib import Path

import numpy as np

from pgan_ray.data.dataset import Dataset, build_dataset, carve_test, fit_scale
from pgan_ray.data.files import exists, open_regular, shown, user_path
from pgan_ray.data.npz import read_npz
from pgan_ray.data.parquet import read_parquet
from pgan_ray.data.table import RawPoints, check_alike, check_classes, check_range, checked_points
from pgan_ray.errors import DataError
from pgan_ray.spec.dataset import DatasetSpec
from pgan_ray.spec.seeds import numpy_generator

_READERS = {".npz": read_npz, ".parquet": read_parquet}


def load_user(spec: DatasetSpec, seed: int) -> Dataset:
    """The points in the file ``spec.path``.

    Of a file without a test split of its own, ``spec.test_fraction`` of each class is kept for testing.

    Raises:
        DataError: the file is missing or damaged, or breaks a rule; the message names file, rule and value.
    """
    path = user_path(str(spec.path))
    where = shown(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{where}: must end in {' or '.join(_READERS)}, got {shown(path.suffix) or 'no ending'}")
    if not exists(path):
        raise DataError(f"{where}: must be a file that exists; relative paths start at {shown(Path.cwd())}")
    with open_regular(path) as stream:
        try:
            raw_train, raw_test = reader(stream, where)
        except OSError as error:
            raise DataError(f"{where}: must be readable, got {error.strerror or error}") from error
    train = checked_points(where, raw_train)
    check_classes(where, raw_train.labels_name, train.labels)
    value_range, scaling = spec.value_range, spec.scaling
    if value_range is None and scaling is None:
        if train.features.dtype == np.uint8:
            value_range = (0.0, 255.0)
        elif raw_train.features.ndim == 3:  # one range for all pixels: scaled by itself, a dark one would be noise
            value_range = _ends(raw_train, raw_test)
        else:
            scaling = "min_max"
    is_scaled = scaling in ("min_max", "standard")
    if not is_scaled:
        check_range(where, train, value_range)
    if raw_test is None:
        # By the file's name: the split stays when the file is moved, or named by another path.
        train, test = carve_test(train, spec.test_fraction, numpy_generator(seed, "test-split", path.name))
    else:
        test = checked_points(where, raw_test)
        check_alike(where, raw_train, train, raw_test, test)
        if not is_scaled:
            check_range(where, test, value_range)
    shape = raw_train.features.shape
    return build_dataset(
        name=spec.label,
        source=f"file {path.resolve()}",
        train=train,
        test=test,
        image_shape=(shape[1], shape[2]) if len(shape) == 3 else None,
        value_range=value_range,
        scale=None if scaling is None else fit_scale(scaling, train.features),
    )


def _ends(*raw: RawPoints | None) -> tuple[float, float] | None:
    """The smallest and the largest value, unless they are the same."""
    ends = [float(end) for part in raw if part is not None for end in (part.features.min(), part.features.max())]
    return (min(ends), max(ends)) if min(ends) < max(ends) else None
