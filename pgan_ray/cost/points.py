"""How many points there are: known of the built-in data sets without reading them."""

from collections.abc import Mapping
from dataclasses import dataclass

from pgan_ray.spec import DatasetSpec, TaskSpec


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


def _by_label(*counts: int) -> dict[int, int]:
    return dict(enumerate(counts))


_MNIST = Points(
    784,
    _by_label(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
    _by_label(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
)
_FASHION_MNIST = Points(784, _by_label(*[6000] * 10), _by_label(*[1000] * 10))
_GAUSSIANS = Points(2, _by_label(500, 500), _by_label(1000, 1000))
_DIGITS = _by_label(178, 182, 177, 183, 181, 182, 181, 179, 174, 180)


def known_points(dataset: DatasetSpec) -> Points | None:
    """The points of a built-in data set; None of a user's own."""
    match dataset.name:
        case "mnist":
            return _MNIST
        case "fashion-mnist":
            return _FASHION_MNIST
        case "gaussians":
            return _GAUSSIANS
        case "mnist-5k":
            return _carved(784, _by_label(*[500] * 10), dataset.test_fraction)
        case "digits":
            return _carved(64, _DIGITS, dataset.test_fraction)
    return None


def fallback_points(task: TaskSpec) -> Points:
    """Points like MNIST's for data that is not at hand: good for comparing the parts of one sweep with each other."""
    return _as_many(task, 784, 6000, 1000)


def least_points(dataset: DatasetSpec, task: TaskSpec) -> Points:
    """Points as far as they are known before data is read: of a user's own at least one feature."""
    known = known_points(dataset)
    least = _as_many(task, 1, 1, 1)
    return known if known is not None and least.train.keys() <= known.train.keys() else least


def _as_many(task: TaskSpec, features: int, train: int, test: int) -> Points:
    """Of each class that ``task`` needs."""
    labels = {*task.classes, *(task.surrogate_classes or ())}
    return Points(features, dict.fromkeys(labels, train), dict.fromkeys(labels, test))


def _carved(features: int, of_class: Mapping[int, int], test_fraction: float) -> Points:
    test = {label: max(1, round(count * test_fraction)) for label, count in of_class.items()}
    return Points(features, {label: count - test[label] for label, count in of_class.items()}, test)
