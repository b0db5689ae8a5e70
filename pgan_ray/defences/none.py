"""No detector."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pgan_ray.defences.interface import Detector
from pgan_ray.registry import DETECTORS

if TYPE_CHECKING:
    from torch import Tensor


@DETECTORS.register
class NoDetector(Detector):
    """No detector: nothing is rejected."""

    name = "none"
    label = "no detector"
    filters: ClassVar[bool] = False

    def fit(self, trusted: "Tensor", random: np.random.Generator) -> "NoDetector":
        """There is nothing to fit."""
        return self

    def reject(self, points: "Tensor") -> "Tensor":
        """(N,) booleans, all False."""
        import torch

        return torch.zeros(len(points), dtype=torch.bool, device=points.device)

    def flop(self, features: int, trusted: int, points: int) -> float:
        """None."""
        return 0.0
