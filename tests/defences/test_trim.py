"""The trimmed loss, with a victim whose loss is known: the distance to its class's mean."""

import numpy as np
import pytest
import torch
from torch import Tensor

from pgan_ray.defences import RobustTrainer
from pgan_ray.registry import DEFENCES
from tests.defences.suspects import Read, suspects

# Twelve genuine points about 0 and 10, and three that carry the wrong label.
GENUINE = [(float(x), 0.0, 0) for x in range(-3, 3)] + [(10.0 + x, 0.0, 1) for x in range(-3, 3)]
POISON = [(1.0, 0.5, 1), (0.0, 0.5, 1), (-1.0, 0.5, 1)]


class Means:
    """A victim that knows its classes' means."""

    def __init__(self) -> None:
        self.trained: list[Tensor] = []

    def __call__(self, x: Tensor, y: Tensor, points: Tensor) -> Read:
        self.trained.append(x)
        means = torch.stack([x[y == label].mean(0) if (y == label).any() else torch.zeros(2) for label in (0, 1)])
        return Read(-torch.cdist(points, means), points)


def trim(**keys: float) -> RobustTrainer:
    made = DEFENCES.config("trim")(**keys).make()
    assert isinstance(made, RobustTrainer)
    return made


@pytest.mark.parametrize("seed", range(5))
def test_points_that_fit_badly_are_left_out_whatever_the_first_choice(seed: int) -> None:
    victim = Means()
    kept = trim(trimmed=0.2, rounds=20).settle(suspects([*GENUINE, *POISON], victim), np.random.default_rng(seed))
    assert kept.tolist() == [True] * 12 + [False] * 3
    assert all(len(x) == 12 for x in victim.trained)
    assert len(victim.trained) < 20  # it settled


def test_the_first_choice_is_random() -> None:
    first, second = Means(), Means()
    for victim, seed in ((first, 1), (second, 2)):
        trim(trimmed=0.2, rounds=1).settle(suspects([*GENUINE, *POISON], victim), np.random.default_rng(seed))
    assert not torch.equal(first.trained[0], second.trained[0])


def test_the_loss_of_what_is_kept_never_rises() -> None:
    """The alternation is a descent: each of its halves minimises the trimmed loss over one of its arguments."""
    random = np.random.default_rng(8)
    points = [(float(a), float(b), row % 2) for row, (a, b) in enumerate(random.normal(size=(60, 2)))]
    labels = torch.tensor([label for _, _, label in points])
    losses = []

    def squared(x: Tensor, y: Tensor, asked: Tensor) -> Read:
        means = torch.stack([x[y == label].mean(0) for label in (0, 1)])
        read = Read(-(torch.cdist(asked, means) ** 2), asked)
        best = (-read.log_probabilities.gather(1, labels[:, None]).squeeze(1)).sort().values[: len(x)]
        losses.append(float(best.sum()))
        return read

    kept = trim(trimmed=0.3, rounds=15).settle(suspects(points, squared), np.random.default_rng(4))
    assert int(kept.sum()) == 42
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("rounds", [1, 3])
def test_so_many_victims_are_trained_at_most(rounds: int) -> None:
    victim = Means()
    made = trim(trimmed=0.5, rounds=rounds)
    made.settle(suspects([*GENUINE, *POISON], victim), np.random.default_rng(0))
    assert len(victim.trained) <= rounds == made.trainings


def test_what_cannot_be_is_left_out_first() -> None:
    def odd(x: Tensor, y: Tensor, points: Tensor) -> Read:
        logs = torch.zeros(len(points), 2)
        logs[3] = -torch.inf
        return Read(logs, points)

    kept = trim(trimmed=0.1, rounds=2).settle(suspects(GENUINE[:10], odd), np.random.default_rng(0))
    assert kept.tolist() == [index != 3 for index in range(10)]
