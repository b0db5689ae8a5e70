"""From a spec's `dataset` part to the points that it names."""

from pathlib import Path

from pgan_ray.data.builtin import load_digits, load_gaussians, load_mnist_5k
from pgan_ray.data.dataset import Dataset, Notice
from pgan_ray.data.known import IDX_DATASETS
from pgan_ray.data.sources import cache_folder, load_idx
from pgan_ray.data.user import load_user
from pgan_ray.spec.dataset import DatasetSpec


def load_dataset(
    spec: DatasetSpec,
    *,
    seed: int,
    data_dir: Path | None = None,
    progress: Notice | None = None,
    may_download: bool = True,
) -> Dataset:
    """All points of the data set that ``spec`` names.

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
        progress=progress or _silent,
        may_download=may_download,
    )


def _silent(notice: str) -> None:
    """Nobody is listening."""
