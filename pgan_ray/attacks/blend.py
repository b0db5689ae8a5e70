"""Poison between the classes: a weighted mean of smoothed points of either."""

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from pgan_ray.attacks.interface import PoisonSource, Rows
from pgan_ray.attacks.smoothed_label_flip import SmoothedConfig, SmoothedPoints
from pgan_ray.attacks.taken_points import TakesPoints
from pgan_ray.registry import ATTACKS
from pgan_ray.spec import EvaluationSpec

if TYPE_CHECKING:
    from torch import Tensor

    from pgan_ray.data import TaskData


class BlendConfig(SmoothedConfig):
    """Weighted means of smoothed points of the source and of the poison class."""

    share: float = Field(default=0.25, ge=0, le=1, description="Share of the poison class in each point, 0 to 1.")


@ATTACKS.register
class Blend(TakesPoints):
    """Blends smoothed points of both classes, with a ``share`` of the poison class: a trade-off tuned by hand.

    A baseline without a generator; ``share`` has the part of pGAN's alpha.
    """

    name = "blend"
    Config = BlendConfig
    config: BlendConfig

    def parameters(self) -> dict[str, float]:
        """The share of the poison class."""
        return {"share": self.config.share}

    def check(self, task: "TaskData", evaluation: EvaluationSpec) -> None:
        """Both classes must have points left beside those of the detectors and the victim."""
        for label in (task.source_label, task.poison_label):
            self.check_class(task, evaluation, label)

    def fit(self, task: "TaskData") -> PoisonSource:
        """The points of both classes."""
        labels = (task.source_label, task.poison_label)
        source, own = (SmoothedPoints(task, label, self.config.neighbours) for label in labels)
        return _Blended(source, own, self.config.share)


class _Blended:
    def __init__(self, source: SmoothedPoints, own: SmoothedPoints, share: float) -> None:
        self._source, self._own, self._share = source, own, share

    def sample(self, points: int, random: np.random.Generator, used: Rows) -> "Tensor":
        source, own = (part.sample(points, random, used) for part in (self._source, self._own))
        return (1 - self._share) * source + self._share * own
