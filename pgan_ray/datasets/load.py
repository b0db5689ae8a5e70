"""From a sweep's `dataset` section to checked points, with a test split and a scale."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from pgan_ray.cost import Points
from pgan_ray.data.dataset import Dataset, build_dataset, carve_test, fit_scale
from pgan_ray.data.dataset import Points as LabelledPoints
from pgan_ray.data.table import RawPoints, check_alike, check_classes, check_range, checked_points
from pgan_ray.datasets.interface import DatasetLoader, Loading, RawDataset
from pgan_ray.errors import DataError, PganRayError, traceback_of
from pgan_ray.results import redact
from pgan_ray.spec import DatasetConfig
from pgan_ray.spec.dataset import check_value_range
from pgan_ray.spec.seeds import numpy_generator

SCALINGS = (None, "min_max", "standard", "none")


def load_dataset(
    config: DatasetConfig,
    *,
    seed: int,
    data_dir: Path | None = None,
    progress: Callable[[str], None] | None = None,
    may_download: bool = True,
) -> Dataset:
    """All points of the data set of ``config``, with validation points in the test points' place if it says so.

    Args:
        config: the `dataset` section.
        seed: the sweep's; decides the test split of data that has none, and points that are generated.
        data_dir: where files are looked for first; None stands for the environment's ``PGAN_RAY_DATA``.
        progress: takes one-line notices while files are downloaded.
        may_download: whether files that are nowhere on this machine are fetched.

    Raises:
        DataError: the data is missing, damaged, or not what its name says; or its class failed.
        DataAbsentError: it would have to be downloaded, and must not.
    """
    notice = {} if progress is None else {"progress": progress}
    try:
        loader: DatasetLoader = config.make()
        raw = loader.load(Loading(seed, data_dir, may_download=may_download, **notice))
    except PganRayError:
        raise
    except (Exception, SystemExit) as error:
        raise DataError(f"the data set `{config.name}` failed to load:\n{redact(traceback_of(error))}") from error
    found = _checked(loader, raw, seed)
    return found if config.judged_on == "test" else held_out(found, config, seed)


def points_of_data(dataset: Dataset) -> Points:
    """How many points there are."""
    counted = [
        dict(zip(*(part.tolist() for part in np.unique(labels, return_counts=True)), strict=True))
        for labels in (dataset.train_labels, dataset.test_labels)
    ]
    labels = sorted(set().union(*counted))
    train, test = ({label: of.get(label, 0) for label in labels} for of in counted)
    return Points(dataset.train_features.shape[1], train, test)


def held_out(dataset: Dataset, config: DatasetConfig, seed: int) -> Dataset:
    """``dataset`` without its test points: in their place are training points that are held out."""
    training = LabelledPoints(dataset.train_features, dataset.train_labels)
    train, validation = carve_test(training, config.test_fraction, numpy_generator(seed, "validation-split"))
    return build_dataset(
        name=config.known_as,
        source=dataset.source,
        train=train,
        test=validation,
        image_shape=dataset.image_shape,
        value_range=dataset.value_range,
        scale=dataset.scale,
    )


def _checked(loader: DatasetLoader, raw: object, seed: int) -> Dataset:
    """The data set that ``loader`` gave as ``raw``. Raises `DataError`, naming place, rule and value."""
    where, config = loader.where, loader.config
    if not isinstance(raw, RawDataset):
        raise DataError(f"{where}: `load` must give a `RawDataset`, got an object of {type(raw).__qualname__}")
    names = loader.class_names
    if not isinstance(names, Mapping) or not all(type(y) is int and isinstance(name, str) for y, name in names.items()):
        raise DataError(f"{where}: `class_names` must give a text for each class's label (int), got {names!r}")
    value_range, scaling = _scaling(where, raw)
    raw_train, raw_test = _arrays(where, raw)
    train = checked_points(where, raw_train)
    check_classes(where, raw_train.labels_name, train.labels)
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
        random = numpy_generator(seed, "test-split", loader.split_name)
        train, test = carve_test(train, config.test_fraction, random)
    else:
        test = checked_points(where, raw_test)
        check_alike(where, raw_train, train, raw_test, test)
        if not is_scaled:
            check_range(where, test, value_range)
    shape = raw_train.features.shape
    return build_dataset(
        name=config.known_as,
        source=raw.source or f"{type(loader).__module__}:{type(loader).__qualname__}",
        train=train,
        test=test,
        image_shape=(shape[1], shape[2]) if len(shape) == 3 else None,
        value_range=value_range,
        scale=None if scaling is None else fit_scale(scaling, train.features),
    )


def _arrays(where: str, raw: RawDataset) -> tuple[RawPoints, RawPoints | None]:
    """Training and test points of ``raw``."""
    given = (raw.features, raw.labels, raw.test_features, raw.test_labels)
    for name, array in zip(raw.names, given, strict=True):
        is_optional = array is None and name in raw.names[2:]
        if not is_optional and not isinstance(array, np.ndarray):
            raise DataError(f"{where}: `{name}` must be a NumPy array, got an object of {type(array).__qualname__}")
    if (raw.test_features is None) != (raw.test_labels is None):
        raise DataError(
            f"{where}: `{raw.names[2]}` and `{raw.names[3]}` must be given together or not at all, got only one"
        )
    test = None
    if raw.test_features is not None and raw.test_labels is not None:
        test = RawPoints(raw.test_features, raw.test_labels, *raw.names[2:])
    return RawPoints(raw.features, raw.labels, *raw.names[:2]), test


def _scaling(where: str, raw: RawDataset) -> tuple[tuple[float, float] | None, str | None]:
    """What ``raw`` says of its values."""
    if raw.scaling not in SCALINGS:
        raise DataError(f"{where}: `scaling` must be one of {SCALINGS}, got {raw.scaling!r}")
    if raw.value_range is None:
        return None, raw.scaling
    if raw.scaling is not None:
        raise DataError(
            f"{where}: `scaling` and `value_range` must not both be given, because each says how features are scaled"
        )
    try:
        low, high = (float(end) for end in raw.value_range)
        check_value_range((low, high))
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: `value_range` {error}") from None
    return (low, high), None


def _ends(*raw: RawPoints | None) -> tuple[float, float] | None:
    """The smallest and the largest value, unless they are the same."""
    ends = [float(end) for part in raw if part is not None for end in (part.features.min(), part.features.max())]
    return (min(ends), max(ends)) if min(ends) < max(ends) else None
