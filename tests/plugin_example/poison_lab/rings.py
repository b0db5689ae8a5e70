"""A data set that is made: two rings of points around each other."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from pgan_ray.datasets import DatasetConfig, DatasetLoader, Loading, RawDataset


class RingsConfig(DatasetConfig):
    """How many points, and how thick the rings are."""

    per_class: int = Field(default=200, ge=10, description="Points of each ring.")
    width: float = Field(default=0.1, gt=0, description="Standard deviation of the radius.")


class Rings(DatasetLoader):
    """Radius 1 is class 0, radius 2 class 1."""

    name = "rings"
    Config = RingsConfig
    class_names: ClassVar[dict[int, str]] = {0: "inner ring", 1: "outer ring"}

    def load(self, loading: Loading) -> RawDataset:
        random, per_class = loading.random("rings"), self.config.per_class
        labels = np.repeat([0, 1], per_class)
        radius = labels + 1 + random.normal(0, self.config.width, 2 * per_class)
        angle = random.uniform(0, 2 * np.pi, 2 * per_class)
        return RawDataset(np.stack((radius * np.cos(angle), radius * np.sin(angle)), 1), labels)
