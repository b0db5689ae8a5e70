"""How many points there are: of the data sets that we ship known without reading them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pgan_ray.spec import DatasetConfig, TaskSpec


@dataclass(frozen=True)
class Points:
    """The points of a data set: features of each, and training and test points by label."""

    features: int
    train: Mapping[int, int]
    test: Mapping[int, int]

    def test_points(self, task: TaskSpec) -> int:
        """Points on which a victim is judged."""
        return sum(self.test[label] for label in task.classes)

    def train_points(self, task: TaskSpec) -> int:
        """Points of the task's classes."""
        return sum(self.train[label] for label in task.classes)


def known_points(dataset: DatasetConfig) -> Points | None:
    """The points of a data set that we ship; None of a user's own."""
    if dataset.is_foreign:
        return None
    found: Points | None = dataset.make().points()
    return found


def fallback_points(task: TaskSpec) -> Points:
    """Points like MNIST's for data that is not at hand: good for comparing the parts of one sweep with each other."""
    return _as_many(task, 784, 6000, 1000)


def least_points(dataset: DatasetConfig, task: TaskSpec) -> Points:
    """Points as far as they are known before data is read: of a user's own at least one feature."""
    known = known_points(dataset)
    least = _as_many(task, 1, 1, 1)
    return known if known is not None and least.train.keys() <= known.train.keys() else least


def _as_many(task: TaskSpec, features: int, train: int, test: int) -> Points:
    """Of each class that ``task`` needs."""
    labels = {*task.classes, *(task.surrogate_classes or ())}
    return Points(features, dict.fromkeys(labels, train), dict.fromkeys(labels, test))


def carved(features: int, of_class: Sequence[int], test_fraction: float) -> Points:
    """Of so many points of each class 0, 1, ..., the share ``test_fraction`` is for testing."""
    test = {label: max(1, round(count * test_fraction)) for label, count in enumerate(of_class)}
    return Points(features, {label: count - test[label] for label, count in enumerate(of_class)}, test)
