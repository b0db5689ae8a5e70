"""Label flipping that no distance-based detector sees: means of neighbouring points of the source class."""

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from pgan_ray.attacks.interface import Rows
from pgan_ray.attacks.taken_points import TakenPoints, TakesPoints
from pgan_ray.registry import ATTACKS
from pgan_ray.spec import AttackConfig

if TYPE_CHECKING:
    from torch import Tensor

    from pgan_ray.data import TaskData

AT_ONCE = 1000  # points whose neighbours are looked for; always as many, as the bits of a product depend on its shape


class SmoothedConfig(AttackConfig):
    """Means of neighbouring points of the source class, with the poison class's label."""

    neighbours: int = Field(default=5, ge=1, description="Points per mean: a point and its nearest neighbours.")


@ATTACKS.register
class SmoothedLabelFlip(TakesPoints):
    """Relabels means of neighbouring points of the source class: smoother than genuine points, so nearer to them.

    A baseline without a generator that knows as much as pGAN does: points of both classes, and the label it can give.
    """

    name = "smoothed_label_flip"
    Config = SmoothedConfig
    config: SmoothedConfig

    def fit(self, task: "TaskData") -> "SmoothedPoints":
        """The source class's points."""
        return SmoothedPoints(task, self.taken_label(task), self.config.neighbours)


class SmoothedPoints(TakenPoints):
    """Means of points of the class ``label`` and of those of their ``neighbours`` that nobody else uses in a run."""

    def __init__(self, task: "TaskData", label: int, neighbours: int) -> None:
        super().__init__(task, label)
        self._neighbours = neighbours

    def sample(self, points: int, random: np.random.Generator, used: Rows) -> "Tensor":
        """As `PoisonSource.sample`."""
        import torch

        order = self._left(points, random, used)
        left = self._x[torch.from_numpy(order)]
        norms = left.square().sum(1)
        nearest = min(self._neighbours, len(left))
        means = [left[:0]]
        for start in range(0, points, AT_ONCE):
            # Squared distances, less the point's own norm, which is the same for all of its neighbours.
            distances = norms - 2 * left[start : start + AT_ONCE] @ left.T
            means.append(left[distances.topk(nearest, largest=False).indices].mean(1))
        return torch.cat(means)[:points]
