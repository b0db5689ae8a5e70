import pytest
import torch

from pgan_ray.nn import StackedMLP
from pgan_ray.victims.engines.scoring import Scores, confusion_matrices, score


def linear(weights: list[list[list[float]]], biases: list[list[float]]) -> StackedMLP:
    """A stack of linear models with these weights (R, I, O) and biases (R, O)."""
    inputs, outputs = len(weights[0]), len(weights[0][0])
    initial = [torch.Generator() for _ in weights]
    network = StackedMLP(inputs, [], outputs, initial=initial, dropout=0.5, negative_slope=0.1)
    network.load_state_dict({"layers.0.weight": torch.tensor(weights), "layers.0.bias": torch.tensor(biases)[:, None]})
    return network


@pytest.mark.parametrize("chunk", [1, 4, 2000])
def test_two_classes(chunk: int) -> None:
    # Member 0 says 1 where x > 0, member 1 where x < 2.
    network = linear([[[1.0]], [[-1.0]]], [[0.0], [2.0]])
    x, y = torch.tensor([[-3.0], [-1.0], [1.0], [3.0], [5.0]]), torch.tensor([0, 1, 0, 1, 1])
    matrices, finite = confusion_matrices(network, x, y, 2, chunk)
    assert finite.tolist() == [True, True]
    assert matrices.tolist() == [[[1, 1], [1, 2]], [[0, 2], [2, 1]]]


@pytest.mark.parametrize("chunk", [2, 2000])
def test_more_classes(chunk: int) -> None:
    # Member 0 says what feature is largest; member 1 always 2.
    identity = torch.eye(3).tolist()
    network = linear([identity, torch.zeros(3, 3).tolist()], [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    x = torch.tensor([[9.0, 0, 0], [9, 0, 0], [0, 9, 0], [0, 0, 9], [0, 0, 9], [0, 9, 0]])
    y = torch.tensor([0, 1, 1, 2, 0, 1])
    matrices, finite = confusion_matrices(network, x, y, 3, chunk)
    assert finite.tolist() == [True, True]
    assert matrices.tolist() == [[[1, 0, 1], [1, 2, 0], [0, 0, 1]], [[0, 0, 2], [0, 0, 3], [0, 0, 1]]]


@pytest.mark.parametrize("chunk", [1, 2000])
def test_logits_that_are_no_numbers_are_told(chunk: int) -> None:
    network = linear([[[1.0]], [[1e38]], [[1.0]]], [[0.0], [0.0], [float("nan")]])
    x, y = torch.tensor([[1.0], [100.0], [1.0]]), torch.tensor([0, 1, 1])
    _, finite = confusion_matrices(network, x, y, 2, chunk)
    assert finite.tolist() == [True, False, False]


def test_scores_by_hand() -> None:
    matrix = torch.tensor([[90, 10], [3, 57]])
    assert score(matrix, poison_label=1, source_label=0) == Scores(13 / 160, 10 / 100, 3 / 60)
    assert score(matrix, poison_label=0, source_label=1) == Scores(13 / 160, 3 / 60, 10 / 100)


def test_scores_of_more_classes_look_at_source_and_poison_class_alone() -> None:
    matrix = torch.tensor([[7, 1, 2], [3, 30, 7], [5, 4, 41]])
    # True 2 taken for 1: 4 of 50; true 1 taken for 2: 7 of 40; wrong at all: 22 of 100.
    assert score(matrix, poison_label=1, source_label=2) == Scores(22 / 100, 4 / 50, 7 / 40)


def test_errors_are_as_exact_as_fractions_can_be() -> None:
    assert score(torch.tensor([[950, 50], [0, 1000]]), poison_label=1, source_label=0).test_error == 0.025
    assert score(torch.tensor([[10, 0], [0, 10]]), poison_label=1, source_label=0) == Scores(0.0, 0.0, 0.0)
