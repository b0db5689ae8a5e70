"""The sphere defence of Steinhardt et al. (2017)."""

from typing import TYPE_CHECKING

import numpy as np

from pgan_ray.defences.interface import Score, ScoredDetector
from pgan_ray.registry import DETECTORS

if TYPE_CHECKING:
    from torch import Tensor


@DETECTORS.register
class Sphere(ScoredDetector):
    """Distance to the mean trusted point (Steinhardt et al. 2017)."""

    name = "sphere"

    def fit_score(self, points: "Tensor", random: np.random.Generator) -> Score:
        """Euclidean distance to the mean of ``points``."""
        centre = points.mean(0)
        return lambda found: (found - centre).norm(dim=1)

    def flop(self, features: int, trusted: int, points: int) -> float:
        """One distance a point."""
        return 3.0 * features * (trusted + points)
