"""From a spec's `dataset` part to the points that it names."""

from pathlib import Path

from pgan_ray.data.builtin import load_digits, load_gaussians, load_mnist_5k
from pgan_ray.data.dataset import Dataset, Notice, Points, build_dataset, carve_test
from pgan_ray.data.known import IDX_DATASETS
from pgan_ray.data.sources import cache_folder, load_idx
from pgan_ray.data.user import load_user
from pgan_ray.spec.dataset import DatasetSpec
from pgan_ray.spec.seeds import numpy_generator


def load_dataset(
    spec: DatasetSpec,
    *,
    seed: int,
    data_dir: Path | None = None,
    progress: Notice | None = None,
    may_download: bool = True,
) -> Dataset:
    """All points of the data set that ``spec`` names, with validation points in the test points' place if it says so.

    Args:
        spec: a built-in data set or a user's file.
        seed: the sweep's; decides the test split of data that has none, and the points of `gaussians`.
        data_dir: where IDX files are looked for first; None stands for the environment's ``PGAN_RAY_DATA``.
        progress: takes one-line notices while files are downloaded.
        may_download: whether files that are nowhere on this machine are fetched.

    Raises:
        DataError: the data is missing, damaged, or not what its name says.
        DataAbsentError: it would have to be downloaded, and must not.
    """
    found = _load(spec, seed, data_dir, progress or _silent, may_download=may_download)
    return found if spec.judged_on == "test" else held_out(found, spec, seed)


def held_out(dataset: Dataset, spec: DatasetSpec, seed: int) -> Dataset:
    """``dataset`` without its test points: in their place are training points that are held out."""
    training = Points(dataset.train_features, dataset.train_labels)
    train, validation = carve_test(training, spec.test_fraction, numpy_generator(seed, "validation-split"))
    return build_dataset(
        name=spec.label,
        source=dataset.source,
        train=train,
        test=validation,
        image_shape=dataset.image_shape,
        value_range=dataset.value_range,
        scale=dataset.scale,
    )


def _load(spec: DatasetSpec, seed: int, data_dir: Path | None, progress: Notice, *, may_download: bool) -> Dataset:
    if spec.name is None:
        return load_user(spec, seed)
    if spec.name == "gaussians":
        return load_gaussians(seed)
    if spec.name == "digits":
        return load_digits(spec.test_fraction, seed)
    if spec.name == "mnist-5k":
        return load_mnist_5k(spec.test_fraction, seed)
    return load_idx(
        IDX_DATASETS[spec.name],
        data_dir=data_dir,
        cache_dir=cache_folder(),
        progress=progress,
        may_download=may_download,
    )


def _silent(notice: str) -> None:
    """Nobody is listening."""
