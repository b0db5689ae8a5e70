"""The contract of every kind of victim of the schema, and logistic regression's line."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pgan_ray.registry import VICTIMS
from pgan_ray.victims import Judged, VictimConfig, judge_victims
from tests.science import CPU

# `cnn` reads images alone: `pgan_ray.testing` tries it on some.
NAMES = tuple(name for name in VICTIMS.own_names() if VICTIMS.get(name).trains and name != "cnn")
NETWORKS = ("mlp", "logistic")
EVERY = pytest.mark.parametrize("name", NAMES)
SGD = {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9}

Points = tuple[Tensor, Tensor]


def make_spec(name: str, **changes: Any) -> VictimConfig:
    settings: dict[str, Any] = {"widths": [12], "dropout": 0.0, "batch_size": 20, "epochs": 30, "optimizer": SGD}
    config: type[VictimConfig] = VICTIMS.config(name)
    return config(**{key: value for key, value in (settings | changes).items() if key in config.model_fields})


def draw(sizes: list[int], seed: int, *, features: int = 10, distance: float = 3.0) -> Points:
    """``sizes[k]`` points of class k, in no order; the classes lie ``distance`` along an axis each."""
    random = torch.Generator().manual_seed(seed)
    y = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    y = y[torch.randperm(len(y), generator=random)]
    x = 0.4 * torch.randn(len(y), features, generator=random)
    x[torch.arange(len(y)), y] += distance
    return x, y


def judge(
    name: str, training: list[Points], test: Points, *, classes: int, seed: int = 0, **changes: Any
) -> list[Judged]:
    return judge_victims(
        make_spec(name, **changes),
        training,
        *test,
        classes=classes,
        image_shape=None,
        seeds=[seed + member for member in range(len(training))],
        stack_seed=seed,
        device=CPU,
    )


def matrix_of(judged: Judged) -> Tensor:
    assert judged.confusion is not None
    return judged.confusion


def accuracy(matrix: Tensor) -> float:
    return float(matrix.diagonal().sum() / matrix.sum())


@EVERY
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_separable_classes_are_learned_and_every_test_point_is_counted_once(name: str, classes: int) -> None:
    tested = [11 + 3 * label for label in range(classes)]
    (judged,) = judge(name, [draw([25] * classes, 1)], draw(tested, 2), classes=classes)
    matrix = matrix_of(judged)
    assert matrix.shape == (classes, classes)
    assert matrix.dtype == torch.int64
    assert matrix.sum(1).tolist() == tested
    assert accuracy(matrix) > 0.97


@EVERY
def test_errors_stand_in_the_row_of_the_truth(name: str) -> None:
    """Taught that class 0 is called 2: the true 0s are in row 0, column 2."""
    x, y = draw([30, 30, 30], 1)
    (judged,) = judge(name, [(x, torch.where(y == 0, 2, y))], draw([7, 8, 9], 2), classes=3)
    assert matrix_of(judged).tolist() == [[0, 0, 7], [0, 8, 0], [0, 0, 9]]


@EVERY
def test_each_victim_answers_for_its_own_training_set(name: str) -> None:
    """Of different sizes, the second with its labels swapped."""
    x, y = draw([24, 19], 1)
    training = [draw([30, 30], 3), (x, 1 - y), draw([15, 40], 4)]
    every = judge(name, training, draw([20, 30], 2), classes=2)
    assert [matrix_of(one).tolist() for one in every] == [[[20, 0], [0, 30]], [[0, 20], [30, 0]], [[20, 0], [0, 30]]]


@EVERY
@pytest.mark.parametrize("classes", [2, 3])
def test_the_same_seeds_give_the_same_bits(name: str, classes: int) -> None:
    training = [draw([30] * classes, 1, features=3, distance=0.5), draw([25] * classes, 3, features=3, distance=0.5)]
    test = draw([200] * classes, 2, features=3, distance=0.5)
    first, second = (judge(name, training, test, classes=classes) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert torch.equal(matrix_of(one), matrix_of(other))
        assert one.boundary == other.boundary
    assert not torch.equal(matrix_of(first[0]), matrix_of(first[1]))


@pytest.mark.parametrize("name", ["mlp", "logistic", "random_forest"])
def test_other_seeds_give_others_where_chance_decides(name: str) -> None:
    training, test = [draw([30, 30], 1, features=3, distance=0.5)], draw([200, 200], 2, features=3, distance=0.5)
    found = {str(matrix_of(*judge(name, training, test, classes=2, seed=seed, epochs=2)).tolist()) for seed in range(4)}
    assert len(found) > 1


@EVERY
@pytest.mark.parametrize(("classes", "label"), [(2, 0), (2, 1), (3, 2)])
def test_a_training_set_of_one_class_is_survived(name: str, classes: int, label: int) -> None:
    """Detectors and poison can leave no more."""
    x, y = draw([20] * classes, 1)
    (judged,) = judge(name, [(x[y == label], y[y == label])], draw([12] * classes, 2), classes=classes)
    matrix = matrix_of(judged)
    assert matrix.sum(1).tolist() == [12] * classes
    assert matrix[label, label] == 12


@EVERY
def test_a_class_that_is_missing_from_the_training_set_keeps_its_row(name: str) -> None:
    (judged,) = judge(name, [draw([20, 0, 20], 1)], draw([12, 13, 14], 2), classes=3)
    matrix = matrix_of(judged)
    assert matrix.sum(1).tolist() == [12, 13, 14]
    assert matrix[[0, 2], [0, 2]].tolist() == [12, 14]
    assert name in NETWORKS or matrix[:, 1].sum() == 0


@EVERY
@pytest.mark.parametrize("sizes", [[1, 1], [2, 1]])
def test_training_sets_of_a_few_points_are_survived(name: str, sizes: list[int]) -> None:
    (judged,) = judge(name, [draw(sizes, 1)], draw([12, 12], 2), classes=2)
    assert matrix_of(judged).sum(1).tolist() == [12, 12]


@EVERY
def test_what_it_is_given_stays_as_it_is(name: str) -> None:
    training, test = draw([20, 20], 1), draw([10, 10], 2)
    before = [part.clone() for part in (*training, *test)]
    judge(name, [training], test, classes=2)
    assert all(torch.equal(part, kept) for part, kept in zip((*training, *test), before, strict=True))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_victim_that_diverges_has_neither_matrix_nor_boundary(name: str) -> None:
    x, y = draw([20, 20], 1, features=2)
    calm, diverged = judge(
        name, [(x, y), (torch.full_like(x, float("nan")), y)], draw([9, 9], 2, features=2), classes=2
    )
    assert matrix_of(calm).sum(1).tolist() == [9, 9]
    assert diverged == Judged(None, None)


@pytest.mark.parametrize(("classes", "features"), [(2, 2), (2, 10), (3, 10)])
def test_logistic_regression_is_a_network_without_hidden_layers(classes: int, features: int) -> None:
    training = [draw([30] * classes, seed, features=features, distance=0.6) for seed in (1, 3)]
    test = draw([50] * classes, 2, features=features, distance=0.6)
    logistic = judge("logistic", training, test, classes=classes)
    network = judge("mlp", training, test, classes=classes, widths=[])
    for one, other in zip(logistic, network, strict=True):
        assert torch.equal(matrix_of(one), matrix_of(other))
        assert one.boundary == other.boundary


@pytest.mark.parametrize("classes", [2, 5])
def test_logistic_regression_agrees_with_scikit_learns(classes: int) -> None:
    """On classes that overlap. 1,000 test points: the two may differ near the line, by no more than a few of them."""
    from sklearn.linear_model import LogisticRegression

    (x, y), (test_x, test_y) = (
        draw([150] * classes, 1, distance=0.8),
        draw([1000 // classes] * classes, 2, distance=0.8),
    )
    oracle = LogisticRegression(C=np.inf).fit(x.numpy(), y.numpy())
    expected = oracle.score(test_x.numpy(), test_y.numpy())
    assert 0.7 < expected < 0.95  # or there were nothing to agree on
    (judged,) = judge(
        "logistic", [(x, y)], (test_x, test_y), classes=classes, epochs=60, optimizer=SGD | {"momentum": 0}
    )
    assert accuracy(matrix_of(judged)) == pytest.approx(expected, abs=0.02)


def test_the_boundary_of_logistic_regression_separates_as_its_matrix_says() -> None:
    training = [draw([40, 40], seed, features=2, distance=0.7) for seed in (1, 3)]
    x, y = draw([300, 200], 2, features=2, distance=0.7)
    every = judge("logistic", training, (x, y), classes=2)
    for judged in every:
        assert judged.boundary is not None
        a, b, c = judged.boundary
        says_one = a * x[:, 0].double() + b * x[:, 1].double() + c > 0
        matrix = [[int((says_one[y == label] == taken).sum()) for taken in (False, True)] for label in (0, 1)]
        assert matrix_of(judged).tolist() == matrix
        assert min(matrix[0][1], matrix[1][0]) > 0  # errors on both sides, or there were nothing to agree on
        assert all(type(value) is float for value in judged.boundary)
    assert every[0].boundary != every[1].boundary


@EVERY
@pytest.mark.parametrize(("classes", "features"), [(2, 2), (2, 3), (3, 3)])
def test_where_there_is_a_line_and_where_there_is_none(name: str, classes: int, features: int) -> None:
    test = draw([9] * classes, 2, features=features)
    (judged,) = judge(name, [draw([20] * classes, 1, features=features)], test, classes=classes)
    assert (judged.boundary is not None) == (name == "logistic" and classes == features == 2)


def test_a_victim_judges_alike_alone_and_beside_others() -> None:
    """Those of scikit-learn do not share a stack's draws."""
    training, test = [draw([30, 30], seed, distance=0.5) for seed in (1, 3)], draw([200, 200], 2, distance=0.5)
    for name in (name for name in NAMES if name not in NETWORKS):
        both = judge(name, training, test, classes=2)
        (alone,) = judge(name, training[1:], test, classes=2, seed=1)
        assert torch.equal(matrix_of(alone), matrix_of(both[1]))
        assert (alone.boundary, alone.message) == (both[1].boundary, both[1].message)
