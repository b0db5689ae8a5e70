import warnings

import numpy as np
import pytest
import torch

from pgan_ray.data import Dataset, select_task
from pgan_ray.data.dataset import Points, build_dataset
from pgan_ray.errors import DataError
from pgan_ray.spec.dataset import TaskSpec

LABELS = np.array([7, 3, 5, 3, 7, 5, 5, 9])


def make(value_range: tuple[float, float] | None = (0.0, 255.0), test_labels: np.ndarray = LABELS) -> Dataset:
    features = np.stack([np.arange(8), np.full(8, 255)], axis=1).astype(np.uint8)
    return build_dataset(
        name="toy",
        source="generated",
        train=Points(features, LABELS),
        test=Points(features, test_labels),
        image_shape=(1, 2),
        value_range=value_range,
    )


def test_binary_task_labels_the_poison_class_one_in_either_order() -> None:
    for classes in ([3, 5], [5, 3]):
        task = select_task(make(), TaskSpec(classes=classes, poison_class=5, source_class=3))
        assert task.classes == (3, 5)
        assert (task.poison_label, task.source_label) == (1, 0)
        assert task.train_y.tolist() == [0, 1, 0, 1, 1]
        assert task.train_y.dtype == torch.int64
        assert task.train_x.dtype == torch.float32
        assert task.features == 2
        assert task.image_shape == (1, 2)
        assert task.poison_prior == pytest.approx(3 / 5)
        assert torch.equal(task.poison_class_x, task.train_x[[1, 3, 4]])


def test_more_classes_are_labelled_by_position() -> None:
    task = select_task(make(), TaskSpec(classes=[7, 3, 5], poison_class=3, source_class=7))
    assert task.classes == (7, 3, 5)
    assert (task.poison_label, task.source_label) == (1, 0)
    assert task.train_y.tolist() == [0, 1, 2, 1, 0, 2, 2]
    assert torch.equal(task.test_y, task.train_y)


def test_the_ends_of_the_range_become_exactly_minus_one_and_one() -> None:
    task = select_task(make(), TaskSpec(classes=[7, 3], poison_class=3, source_class=7))
    assert task.train_x[0].tolist() == [-1.0, 1.0]
    assert task.train_x[1, 0].item() == np.float32(1 / 127.5) - np.float32(1)
    unscaled = select_task(make(value_range=None), TaskSpec(classes=[7, 3], poison_class=3, source_class=7))
    assert unscaled.train_x[:, 0].tolist() == [0.0, 1.0, 3.0, 4.0]


def test_tensors_are_copies_of_the_read_only_points() -> None:
    dataset = make(value_range=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        task = select_task(dataset, TaskSpec(classes=[3, 5], poison_class=5, source_class=3))
    before = dataset.train_features.copy()
    task.train_x.fill_(9)
    task.train_y.fill_(9)
    np.testing.assert_array_equal(dataset.train_features, before)
    np.testing.assert_array_equal(dataset.train_labels, LABELS)


def test_absent_classes() -> None:
    with pytest.raises(DataError, match=r"toy: .* training points, \[3, 5, 7, 9\], got \[1, 4\]"):
        select_task(make(), TaskSpec(classes=[4, 3, 1], poison_class=3, source_class=4))
    no_fives = np.where(LABELS == 5, 3, LABELS)
    with pytest.raises(DataError, match=r"toy: .* test points, \[3, 7, 9\], got \[5\]"):
        select_task(make(test_labels=no_fives), TaskSpec(classes=[3, 5], poison_class=3, source_class=5))


def test_what_scaling_makes_of_the_points_is_finite() -> None:
    features = np.array([[0, 1], [0, 3e38], [0, -3e38], [0, 3e38]], dtype=np.float32)
    points = Points(features, np.array([3, 5, 3, 9]))
    wide = build_dataset(
        name="wide", source="generated", train=points, test=points, image_shape=None, value_range=(-3e38, 3e38)
    )
    rule = r"wide: training points of the task's classes, scaled from \[-3e\+38, 3e\+38\] to \[-1, 1\], must be finite"
    with pytest.raises(
        DataError, match=rf"{rule}, got 3\S+e\+38 at point 1, feature 1 \(1 of 3 points hold such values, 1 in"
    ):
        select_task(wide, TaskSpec(classes=[3, 5], poison_class=5, source_class=3))


def test_of_many_classes_the_first_are_named() -> None:
    points = Points(np.zeros((1000, 1), dtype=np.float32), np.arange(1000))
    many = build_dataset(name="many", source="generated", train=points, test=points, image_shape=None, value_range=None)
    with pytest.raises(DataError, match=r"\[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, and 990 more\], got \[-1\]$"):
        select_task(many, TaskSpec(classes=[-1, 5], poison_class=5, source_class=-1))
