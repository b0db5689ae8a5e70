import numpy as np
import pytest
import torch

from pgan_ray.data import TaskData, check_sizes, draw_split
from pgan_ray.errors import DataError

LABELS = np.array([0] * 30 + [1] * 25 + [2] * 40)[np.random.default_rng(0).permutation(95)]


def test_parts_are_disjoint_of_their_class_and_without_repeats() -> None:
    split = draw_split(LABELS, 3, trusted_per_class=10, train_per_class=15, rng=np.random.default_rng(1))
    assert [len(part) for part in split.trusted] == [10] * 3
    assert [len(part) for part in split.train] == [15] * 3
    for label in range(3):
        assert set(LABELS[split.trusted[label]]) == set(LABELS[split.train[label]]) == {label}
    everything = np.concatenate(split.trusted + split.train)
    assert len(np.unique(everything)) == len(everything) == 75


def test_the_generator_decides() -> None:
    def draw(seed: int) -> list[list[int]]:
        rng = np.random.default_rng(seed)
        split = draw_split(LABELS, 3, trusted_per_class=5, train_per_class=5, rng=rng)
        return [part.tolist() for part in split.trusted + split.train]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


def test_trusted_points_are_spread_over_the_whole_class() -> None:
    labels = np.zeros(1000, dtype=np.int64)
    labels[500:] = 1
    split = draw_split(labels, 2, trusted_per_class=200, train_per_class=200, rng=np.random.default_rng(1))
    assert abs(split.trusted[0].mean() - 250) < 40
    assert abs(split.train[0].mean() - 250) < 40


def test_too_few_points_say_class_need_and_supply() -> None:
    with pytest.raises(DataError, match=r"must have 28 training points \(12 trusted \+ 16 .* got 25 of class 1;"):
        draw_split(LABELS, 3, trusted_per_class=12, train_per_class=16, rng=np.random.default_rng(1))
    with pytest.raises(DataError, match="got 0 of class 3"):
        draw_split(LABELS, 4, trusted_per_class=1, train_per_class=1, rng=np.random.default_rng(1))


def test_check_sizes_names_the_data_sets_labels() -> None:
    x, y = torch.zeros(95, 1), torch.from_numpy(LABELS)
    task = TaskData(x, y, x, y, classes=(7, 3, 5), poison_label=2, source_label=1, image_shape=None)
    check_sizes(task, trusted_per_class=10, train_per_class=15)
    with pytest.raises(DataError, match=r"got 30 of class 7, 25 of class 3; lower `evaluation.trusted_per_class`"):
        check_sizes(task, trusted_per_class=20, train_per_class=15)
