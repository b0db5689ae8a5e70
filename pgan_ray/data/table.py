"""The rules for a user's own points, whatever file they came from.

Shapes: N points, F features; H, W the pixels of an image (F = H * W).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pgan_ray.data.dataset import Array, Labels, Points
from pgan_ray.errors import DataError

LIMIT_BYTES = 2 << 30
"""Of all features of a file, as stored and as float32: ten times MNIST. Loading takes about twice as much at its
peak, and each process that works on the points once more: what machines of 8 GiB can hold."""
FLOAT32_BYTES = 4
UNSCALED_LIMIT = 1e15


@dataclass(frozen=True, eq=False)
class RawPoints:
    """Points as a file holds them, not yet checked, with the names that the file gives its parts."""

    features: Array
    """(N, F) or (N, H, W)."""
    labels: Array
    """(N,)"""
    features_name: str
    labels_name: str


class Form(Protocol):
    """What is known of an array without its values; arrays themselves have it too."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> "np.dtype[Any]": ...


def check_forms(where: str, pairs: Sequence[tuple[Form, Form, str, str]]) -> None:
    """Refuse features and labels, with their names, that cannot serve whatever their values: before these are read.

    Raises:
        DataError: a rule is broken; the message names file, rule and value.
    """
    for features, labels, name, labels_name in pairs:
        if features.dtype.kind not in "biuf":
            raise DataError(f"{where}: `{name}` must hold numbers, got dtype {features.dtype}")
        if len(features.shape) not in (2, 3) or 0 in features.shape:
            raise DataError(
                f"{where}: `{name}` must have shape (points, features) or (points, height, width), none of them 0, "
                f"got {_shown_shape(features.shape)}"
            )
        if labels.dtype.kind not in "biu":
            raise DataError(
                f"{where}: `{labels_name}` must be whole numbers of an integer type, got dtype {labels.dtype}"
            )
        if len(labels.shape) != 1:
            raise DataError(f"{where}: `{labels_name}` must have shape (points,), got {_shown_shape(labels.shape)}")
        if features.shape[0] != labels.shape[0]:
            raise DataError(
                f"{where}: `{name}` and `{labels_name}` must have the same length, "
                f"got {features.shape[0]} and {labels.shape[0]}"
            )
    # Labels need no limit of their own: there is one for each row of features.
    check_size(where, sum(math.prod(f.shape) * max(f.dtype.itemsize, FLOAT32_BYTES) for f, *_ in pairs))


def check_size(where: str, size_bytes: int) -> None:
    """Refuse features that take more than :data:`LIMIT_BYTES`, as stored or as float32."""
    if size_bytes > LIMIT_BYTES:
        raise DataError(
            f"{where}: features must take at most {LIMIT_BYTES / 2**30:.3g} GiB of memory, as stored and as float32, "
            f"got {size_bytes / 2**30:.3g} GiB; keep fewer points, or fewer features"
        )


def checked_points(where: str, raw: RawPoints) -> Points:
    """``raw`` as features (N, F), uint8 or float32, and int64 labels (N,); ``where`` names the file.

    Raises:
        DataError: a rule is broken; the message names file, rule and value.
    """
    check_forms(where, [(raw.features, raw.labels, raw.features_name, raw.labels_name)])
    flat = raw.features.reshape(len(raw.features), -1)
    return Points(
        _checked_features(f"{where}: `{raw.features_name}`", flat),
        _checked_labels(f"{where}: `{raw.labels_name}`", raw.labels),
    )


def check_classes(where: str, name: str, labels: Labels) -> None:
    """Refuse training labels of fewer than two classes."""
    classes = np.unique(labels)
    if len(classes) < 2:
        raise DataError(f"{where}: `{name}` must hold at least 2 classes, got {classes.tolist()}")


def check_alike(where: str, raw_train: RawPoints, train: Points, raw_test: RawPoints, test: Points) -> None:
    """Refuse test points of another shape or type than the training points."""
    (_, *train_shape), (_, *test_shape) = raw_train.features.shape, raw_test.features.shape
    if train_shape != test_shape or train.features.dtype != test.features.dtype:
        raise DataError(
            f"{where}: training and test points must have the same shape and type, "
            f"got {train_shape} {train.features.dtype} and {test_shape} {test.features.dtype}"
        )


def check_range(where: str, points: Points, value_range: tuple[float, float] | None) -> None:
    """Refuse feature values outside ``value_range``: nothing may be scaled beyond -1 and 1.

    Without a range, refuse what float32 cannot hold the square of: distances and networks would give NaN.
    """
    low, high = points.features.min(), points.features.max()
    if value_range is None:
        if max(-low, high) > UNSCALED_LIMIT:
            raise DataError(
                f"{where}: features that are not scaled must lie between -{UNSCALED_LIMIT:g} and {UNSCALED_LIMIT:g}, "
                f"got {low:g} to {high:g}; give `scaling`, or store them in another unit"
            )
    # Compared in the features' own type: 0.1 in a file of float32 is not 0.1 in a spec.
    elif low < np.float32(value_range[0]) or high > np.float32(value_range[1]):
        raise DataError(f"{where}: features must lie in `value_range` {list(value_range)}, got {low:g} to {high:g}")


def _checked_features(where: str, features: Array) -> Array:
    if features.dtype == np.uint8:
        return features
    with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold is found below
        single: npt.NDArray[np.float32] = features.astype(np.float32)
    require_finite(f"{where} must be finite in float32", features, single)
    return single


def require_finite(rule: str, given: Array, values: Array) -> None:
    """Refuse ``values``, (N, F), that are not finite, showing the first of them as it was ``given``, and how many."""
    finite = np.isfinite(values)
    if finite.all():
        return
    row, column = (int(i) for i in np.argwhere(~finite)[0])
    points = int((~finite.all(axis=1)).sum())
    raise DataError(
        f"{rule}, got {given[row, column]} at point {row}, feature {column} "
        f"({points} of {len(values)} points hold such values, {int((~finite[:, column]).sum())} in this feature)"
    )


def _checked_labels(where: str, labels: Array) -> Labels:
    whole = labels.astype(np.int64)
    if labels.dtype.kind == "u" and (whole < 0).any():
        raise DataError(f"{where} must fit in a signed 64-bit integer, got {labels.max()}")
    return whole


def _shown_shape(shape: tuple[int, ...]) -> str:
    return str(shape) if len(shape) <= 4 else f"one of {len(shape)} dimensions"
