"""Which training points a run of the evaluation uses: per class, disjoint draws for detector and victim."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pgan_ray.data.dataset import Labels
from pgan_ray.data.task import TaskData
from pgan_ray.errors import DataError

Index = npt.NDArray[np.int64]

MIN_TEST_PER_CLASS = 10
"""With fewer, one error would move a class's rate by over 10 %."""


@dataclass(frozen=True, eq=False)
class Split:
    """Indices into a task's training points, drawn without replacement; no point is in both parts."""

    trusted: tuple[Index, ...]
    """For each class label, (trusted_per_class,): what its detector is fitted on."""
    train: tuple[Index, ...]
    """For each class label, (train_per_class,): what the victim is trained on, before poisoning."""


def draw_split(
    labels: Labels, classes: int, *, trusted_per_class: int, train_per_class: int, rng: np.random.Generator
) -> Split:
    """Draw one run's split of the training points with task ``labels``, (N,), each in ``range(classes)``.

    Raises:
        DataError: a class has too few points; the message says which, the need and what there is.
    """
    _require(labels, tuple(range(classes)), trusted_per_class, train_per_class)
    trusted: list[Index] = []
    train: list[Index] = []
    for label in range(classes):
        members = np.flatnonzero(labels == label).astype(np.int64)
        drawn = rng.choice(members, size=trusted_per_class + train_per_class, replace=False)
        trusted.append(drawn[:trusted_per_class])
        train.append(drawn[trusted_per_class:])
    return Split(tuple(trusted), tuple(train))


def check_sizes(task: TaskData, *, trusted_per_class: int, train_per_class: int) -> None:
    """The check of :func:`draw_split` without a draw, and of the test points, for use before anything starts.

    Raises:
        DataError: a class has too few points; classes are named by the data set's labels.
    """
    _require(task.train_y.numpy(), task.classes, trusted_per_class, train_per_class)
    tested = np.bincount(task.test_y.numpy(), minlength=len(task.classes))
    short = [f"{tested[y]} of class {name}" for y, name in enumerate(task.classes) if tested[y] < MIN_TEST_PER_CLASS]
    if short:
        raise DataError(
            f"each class must have at least {MIN_TEST_PER_CLASS} test points, got {', '.join(short)}; raise "
            "`dataset.test_fraction`, or use a larger data set"
        )


def _require(labels: Labels, names: tuple[int, ...], trusted_per_class: int, train_per_class: int) -> None:
    needed = trusted_per_class + train_per_class
    available = np.bincount(labels, minlength=len(names))
    short = [f"{available[label]} of class {name}" for label, name in enumerate(names) if available[label] < needed]
    if short:
        raise DataError(
            f"each class must have {needed} training points ({trusted_per_class} trusted + {train_per_class} "
            f"to train victims), got {', '.join(short)}; lower `evaluation.trusted_per_class` or "
            f"`evaluation.train_per_class`, or use a larger data set"
        )
