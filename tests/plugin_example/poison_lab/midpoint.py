"""An attack: points between the two classes, with the poison class's label."""

from typing import Any

import numpy as np
import torch
from pydantic import Field

from pgan_ray.attacks import Attack, AttackConfig
from pgan_ray.errors import DataError


class MidpointConfig(AttackConfig):
    """The keys of the attack in a sweep file, beside `replicates`."""

    share: float = Field(default=0.5, ge=0, le=1, description="0: at the poison class; 1: at the source class.")


class Midpoint(Attack):
    """Points between the mean of the poison class and a point of the source class."""

    name = "midpoint"
    Config = MidpointConfig
    config: MidpointConfig

    def parameters(self) -> dict[str, float]:
        return {"share": self.config.share}

    def fit(self, task: Any) -> "Source":
        return Source(task, self.config.share)


class Source:
    def __init__(self, task: Any, share: float) -> None:
        self._mean = task.poison_class_x.mean(0)
        self._x = task.train_x
        self._rows = (task.train_y == task.source_label).nonzero()[:, 0].numpy()
        self._share = share

    def sample(self, points: int, random: np.random.Generator, used: Any) -> torch.Tensor:
        order = random.permutation(self._rows)
        left = order[~np.isin(order, used)]  # the victims' own points are not for poison
        if points > len(left):
            raise DataError(f"`midpoint` must find {points} points that nobody else uses, got {len(left)}")
        return torch.lerp(self._mean.expand(points, -1), self._x[torch.from_numpy(left[:points])], self._share)
