"""A classification task cut out of a data set, as tensors.

Shapes: N points, F features.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pgan_ray.data.dataset import Array, Dataset, Labels
from pgan_ray.data.files import listed, shown
from pgan_ray.data.table import require_finite
from pgan_ray.errors import DataError
from pgan_ray.spec.dataset import TaskSpec


@dataclass(frozen=True, eq=False)
class TaskData:
    """The points of a task's classes, float32 on the CPU, relabelled 0, 1, ..."""

    train_x: Tensor
    """(N, F), scaled as the data set says; to [-1, 1] where it has a value range."""
    train_y: Tensor
    """(N,) int64, the task's labels."""
    test_x: Tensor
    """(N, F), as ``train_x``."""
    test_y: Tensor
    """(N,), as ``train_y``."""
    classes: tuple[int, ...]
    """The data set's labels in the order of the task's: ``classes[task label]``."""
    poison_label: int
    """The task label that poison carries; 1 in a binary task."""
    source_label: int
    """The task label whose error is meant to rise; 0 in a binary task."""
    image_shape: tuple[int, int] | None
    """(H, W) where a point is an image."""

    @property
    def features(self) -> int:
        """F"""
        return int(self.train_x.shape[1])

    @property
    def poison_prior(self) -> float:
        """Pr(poison class): its share of the training points, 0 to 1."""
        return float((self.train_y == self.poison_label).double().mean())

    @property
    def poison_class_x(self) -> Tensor:
        """The genuine training points of the poison class, (N, F), a copy."""
        return self.train_x[self.train_y == self.poison_label]


def select_task(dataset: Dataset, task: TaskSpec) -> TaskData:
    """The points of ``task.classes``, copied out of the (read-only) data set.

    In a binary task label 1 is the poison class and 0 the other; with more classes a label is its position in
    ``task.classes``.

    Raises:
        DataError: a class has no training or no test points, or scaling gives what is not a finite number.
    """
    classes = tuple(task.labels)
    for part, labels in (("training", dataset.train_labels), ("test", dataset.test_labels)):
        present = np.unique(labels).tolist()
        absent = sorted(set(classes) - set(present))
        if absent:
            raise DataError(
                f"{shown(dataset.name)}: `task.classes` must be labels of its {part} points, [{listed(present)}], "
                f"got [{listed(absent)}]"
            )
    train_x, train_y = _tensors(dataset, "training", dataset.train_features, dataset.train_labels, classes)
    test_x, test_y = _tensors(dataset, "test", dataset.test_features, dataset.test_labels, classes)
    return TaskData(
        train_x=train_x,
        train_y=train_y,
        test_x=test_x,
        test_y=test_y,
        classes=classes,
        poison_label=classes.index(task.poison_class),
        source_label=classes.index(task.source_class),
        image_shape=dataset.image_shape,
    )


def _tensors(
    dataset: Dataset, part: str, features: Array, labels: Labels, classes: tuple[int, ...]
) -> tuple[Tensor, Tensor]:
    rows = np.flatnonzero(np.isin(labels, classes))
    order = np.argsort(classes)
    y = order[np.searchsorted(classes, labels[rows], sorter=order)]
    given = features[rows]
    x = given.astype(np.float32)  # a copy: torch warns of arrays that it must not write to
    if dataset.scale is not None:
        with np.errstate(all="ignore"):  # what comes of it is looked at below
            x = dataset.scale.scaled(given)
        require_finite(f"{shown(dataset.name)}: {part} points, scaled by feature, must be finite", given, x)
    if dataset.value_range is not None:
        low, high = dataset.value_range
        with np.errstate(all="ignore"):  # what comes of it is looked at below
            # In this order the ends of bytes come out as exactly -1 and 1.
            x = (x - np.float32(low)) / np.float32((high - low) / 2) - np.float32(1)
        rule = (
            f"{shown(dataset.name)}: {part} points of the task's classes, scaled from {list(dataset.value_range)} to "
            "[-1, 1], must be finite"
        )
        require_finite(rule, given, x)
    return torch.from_numpy(x), torch.from_numpy(y.astype(np.int64))
