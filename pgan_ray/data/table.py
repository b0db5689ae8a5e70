"""The rules for a user's own points, whatever file they came from.

Shapes: N points, F features; H, W the pixels of an image (F = H * W).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pgan_ray.data.dataset import Array, Labels, Points
from pgan_ray.errors import DataError


@dataclass(frozen=True, eq=False)
class RawPoints:
    """Points as a file holds them, not yet checked, with the names that the file gives its parts."""

    features: Array
    """(N, F) or (N, H, W)."""
    labels: Array
    """(N,)"""
    features_name: str
    labels_name: str


def checked_points(path: Path, raw: RawPoints) -> Points:
    """``raw`` as features (N, F), uint8 or float32, and int64 labels (N,).

    Raises:
        DataError: a rule is broken; the message names file, rule and value.
    """
    where, labels_where = f"{path}: `{raw.features_name}`", f"{path}: `{raw.labels_name}`"
    features, labels = raw.features, raw.labels
    if features.ndim not in (2, 3) or 0 in features.shape:
        raise DataError(
            f"{where} must have shape (points, features) or (points, height, width), none of them 0, "
            f"got {features.shape}"
        )
    if labels.ndim != 1:
        raise DataError(f"{labels_where} must have shape (points,), got {labels.shape}")
    if len(features) != len(labels):
        raise DataError(f"{where} and `{raw.labels_name}` must be equally long, got {len(features)} and {len(labels)}")
    flat = features.reshape(len(features), -1)
    return Points(_checked_features(where, flat), _checked_labels(labels_where, labels))


def check_classes(path: Path, name: str, labels: Labels) -> None:
    """Refuse training labels of fewer than two classes."""
    classes = np.unique(labels)
    if len(classes) < 2:
        raise DataError(f"{path}: `{name}` must hold at least 2 classes, got {classes.tolist()}")


def check_alike(path: Path, raw_train: RawPoints, train: Points, raw_test: RawPoints, test: Points) -> None:
    """Refuse test points of another shape or type than the training points."""
    (_, *train_shape), (_, *test_shape) = raw_train.features.shape, raw_test.features.shape
    if train_shape != test_shape or train.features.dtype != test.features.dtype:
        raise DataError(
            f"{path}: training and test points must have the same shape and type, "
            f"got {train_shape} {train.features.dtype} and {test_shape} {test.features.dtype}"
        )


def check_range(path: Path, points: Points, value_range: tuple[float, float] | None) -> None:
    """Refuse feature values outside ``value_range``: nothing may be scaled beyond -1 and 1."""
    if value_range is None:
        return
    low, high = points.features.min(), points.features.max()
    # Compared in the features' own type: 0.1 in a file of float32 is not 0.1 in a spec.
    if low < np.float32(value_range[0]) or high > np.float32(value_range[1]):
        raise DataError(
            f"{path}: features must lie in `dataset.value_range` {list(value_range)}, got {low:g} to {high:g}"
        )


def _checked_features(where: str, features: Array) -> Array:
    if features.dtype.kind not in "biuf":
        raise DataError(f"{where} must hold numbers, got dtype {features.dtype}")
    if features.dtype == np.uint8:
        return features
    with np.errstate(over="ignore"):  # what float32 cannot hold is found below
        single: npt.NDArray[np.float32] = features.astype(np.float32)
    finite = np.isfinite(single)
    if not finite.all():
        row, column = (int(i) for i in np.argwhere(~finite)[0])
        value: Any = features[row, column]
        raise DataError(f"{where} must be finite in float32, got {value} at point {row}, feature {column}")
    return single


def _checked_labels(where: str, labels: Array) -> Labels:
    if labels.dtype.kind not in "biu":
        raise DataError(f"{where} must be whole numbers of an integer type, got dtype {labels.dtype}")
    whole = labels.astype(np.int64)
    if labels.dtype.kind == "u" and (whole < 0).any():
        raise DataError(f"{where} must fit in 64 signed bits, got {labels.max()}")
    return whole
