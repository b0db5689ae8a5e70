"""Poison that a trained generator left: drawn once, stored, and shared by the runs of the evaluation."""

from typing import TYPE_CHECKING

import numpy as np

from pgan_ray.attacks.interface import Rows
from pgan_ray.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor


class PoisonSet:
    """Draws from the generated ``poison`` (N, F); generated points are nobody's training points."""

    def __init__(self, poison: "Tensor") -> None:
        self._poison = poison

    def sample(self, points: int, random: np.random.Generator, used: Rows) -> "Tensor":
        """As `PoisonSource.sample`."""
        import torch

        if points > len(self._poison):
            raise DataError(f"a poison set must hold the {points} points that are drawn, got {len(self._poison)}")
        return self._poison[torch.from_numpy(random.permutation(len(self._poison))[:points])]
