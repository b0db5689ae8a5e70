"""Relabelling by nearest neighbours, against a search point by point."""

import numpy as np
import pytest
import torch

from pgan_ray.defences import Suspects
from pgan_ray.registry import DEFENCES
from tests.defences.suspects import never, suspects

ROW = [(0.0, 0.0, 0), (1.0, 0.0, 0), (2.1, 0.0, 1), (3.3, 0.0, 0), (9.0, 0.0, 1), (10.0, 0.0, 1), (11.1, 0.0, 1)]


def labels(given: Suspects, **keys: float) -> list[int]:
    defence = DEFENCES.config("label_sanitisation")(**keys).make()
    found = defence.sanitise(given, np.random.default_rng(0))
    assert found.kept.all()
    return [int(label) for label in found.y]


def test_a_point_among_others_gets_their_label() -> None:
    """By hand: of the third point's three nearest all are 0; of every other point's most have its own label."""
    assert labels(suspects(ROW), neighbours=3) == [0, 0, 0, 0, 1, 1, 1]


def test_a_point_is_not_its_own_neighbour() -> None:
    assert labels(suspects(ROW), neighbours=1)[2] == 0


def test_so_many_must_agree() -> None:
    # The first point's nearest are two 1s and a 0: two thirds.
    given = suspects([(9.0, 0.0, 0), *ROW[5:], *ROW[:4]])
    assert labels(given, neighbours=3, confidence=0.6)[0] == 1
    assert labels(given, neighbours=3, confidence=0.7)[0] == 0


def test_on_a_tie_a_point_keeps_its_label() -> None:
    assert labels(suspects([(0.0, 0.0, 1), (1.0, 0.0, 0), (-1.0, 0.0, 1)]), neighbours=2)[0] == 1
    assert labels(suspects([(0.0, 0.0, 0), (1.0, 0.0, 0), (-1.0, 0.0, 1)]), neighbours=2)[0] == 0


def test_neighbours_vote_with_the_labels_that_they_came_with() -> None:
    """The second is relabelled, and the first all the same goes by what it was."""
    assert labels(suspects([(0.0, 0.0, 1), (1.0, 0.0, 0), (1.9, 0.0, 1)]), neighbours=1) == [0, 1, 0]


@pytest.mark.parametrize("classes", [2, 3])
def test_it_is_what_a_search_point_by_point_finds(classes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pgan_ray.defences.label_sanitisation.ROWS_AT_ONCE", 7)
    random = np.random.default_rng(3)
    x, y = random.normal(size=(60, 3)), random.integers(classes, size=60)
    expected = y.copy()
    for row in range(60):
        nearest = np.argsort(((x - x[row]) ** 2).sum(1))
        votes = np.bincount(y[[other for other in nearest if other != row][:5]], minlength=classes)
        if votes.max() >= 3:
            expected[row] = votes.argmax()
    trusted = (torch.zeros(1, 3),) * classes
    given = Suspects(torch.from_numpy(x).float(), torch.from_numpy(y), trusted, never)
    assert labels(given, neighbours=5, confidence=0.6) == expected.tolist()
    assert (expected != y).any()
