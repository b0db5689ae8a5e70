"""Attacks that take genuine points of one class for their poison: label flipping, and the control without harm."""

import numpy as np
import torch
from torch import Tensor

from pgan_ray.attacks.interface import Rows
from pgan_ray.data import TaskData
from pgan_ray.errors import DataError


class TakenPoints:
    """Points of the class ``label`` that nobody else uses in a run, in an order drawn anew for each run.

    With the source class's label: random label flipping. With the poison class's: genuine points in poison's place.
    """

    def __init__(self, task: TaskData, label: int) -> None:
        self._x = task.train_x
        self._rows: Rows = torch.nonzero(task.train_y == label).squeeze(1).numpy()

    def sample(self, points: int, random: np.random.Generator, used: Rows) -> Tensor:
        """As `Attack.sample`."""
        left = self._order(random)
        left = left[~np.isin(left, used)]
        if points > len(left):
            raise DataError(
                f"an attack that takes genuine points must find the {points} that are drawn beside those of the "
                f"detectors and the victim, got {len(left)}"
            )
        return self._x[torch.from_numpy(left[:points])]

    def _order(self, random: np.random.Generator) -> Rows:
        return random.permutation(self._rows)


class NearestLabelFlip(TakenPoints):
    """Label flipping with a detectability constraint (Section 4, Fig. 5).

    The source class's points that are nearest, by Euclidean distance, to the mean of the poison class come first.
    """

    def __init__(self, task: TaskData) -> None:
        super().__init__(task, task.source_label)
        distance = (self._x[torch.from_numpy(self._rows)] - task.poison_points.mean(0)).norm(dim=1)
        self._rows = self._rows[distance.argsort(stable=True).numpy()]

    def _order(self, random: np.random.Generator) -> Rows:
        return self._rows
