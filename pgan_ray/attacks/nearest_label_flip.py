"""Label flipping with a detectability constraint (Section 4, Fig. 5)."""

from typing import TYPE_CHECKING

import numpy as np

from pgan_ray.attacks.interface import Rows
from pgan_ray.attacks.taken_points import TakenPoints, TakesPoints
from pgan_ray.registry import ATTACKS

if TYPE_CHECKING:
    from pgan_ray.data import TaskData


@ATTACKS.register
class NearestLabelFlip(TakesPoints):
    """Points of the source class, the nearest to the mean of the poison class first (Fig. 5)."""

    name = "nearest_label_flip"

    def fit(self, task: "TaskData") -> "NearestPoints":
        """Points of the source class in the order of their distance."""
        return NearestPoints(task, self.taken_label(task))


class NearestPoints(TakenPoints):
    """The points of a class that are nearest, by Euclidean distance, to the mean of the poison class come first."""

    def __init__(self, task: "TaskData", label: int) -> None:
        super().__init__(task, label)
        distance = (self._x[self._rows] - task.poison_class_x.mean(0)).norm(dim=1)
        self._rows = self._rows[distance.argsort(stable=True).numpy()]

    def _order(self, random: np.random.Generator) -> Rows:
        return self._rows
