"""Label flipping with a detectability constraint (Section 4, Fig. 5)."""

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from pgan_ray.attacks.interface import Rows
from pgan_ray.attacks.taken_points import TakenPoints, TakesPoints
from pgan_ray.registry import ATTACKS
from pgan_ray.spec import AttackConfig, EvaluationSpec

if TYPE_CHECKING:
    from pgan_ray.data import TaskData


class NearestConfig(AttackConfig):
    """Points of the source class that are near to the poison class, with its label."""

    pool: int | None = Field(
        default=None,
        ge=1,
        description="Draw at random from this many of the nearest unused points. Null: take the very nearest, the "
        "same in every run except for points that detectors and victims use.",
    )

    def check_evaluation(self, evaluation: EvaluationSpec, classes: int) -> None:
        """The pool must hold what is drawn from it."""
        if self.pool is not None:
            evaluation.check_poison("attack.pool", self.pool, classes)


@ATTACKS.register
class NearestLabelFlip(TakesPoints):
    """Relabels points of the source class, those nearest to the mean of the poison class first (Fig. 5)."""

    name = "nearest_label_flip"
    Config = NearestConfig
    config: NearestConfig

    def fit(self, task: "TaskData") -> "NearestPoints":
        """Points of the source class in the order of their distance."""
        return NearestPoints(task, self.taken_label(task), self.config.pool)


class NearestPoints(TakenPoints):
    """The points of a class that are nearest, by Euclidean distance, to the mean of the poison class come first.

    With a ``pool``, so many of the nearest in an order drawn anew for each run.
    """

    def __init__(self, task: "TaskData", label: int, pool: int | None) -> None:
        super().__init__(task, label)
        self._pool = pool
        distance = (self._x[self._rows] - task.poison_class_x.mean(0)).norm(dim=1)
        self._rows = self._rows[distance.argsort(stable=True).numpy()]

    def _left(self, points: int, random: np.random.Generator, used: Rows) -> Rows:
        left = super()._left(points, random, used)
        return left if self._pool is None else random.permutation(left[: self._pool])

    def _order(self, random: np.random.Generator) -> Rows:
        return self._rows
