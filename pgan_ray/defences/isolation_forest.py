"""scikit-learn's IsolationForest."""

import math
from typing import TYPE_CHECKING

import numpy as np

from pgan_ray.defences.interface import Score, ScoredDetector, outlierness
from pgan_ray.registry import DETECTORS

if TYPE_CHECKING:
    from torch import Tensor

TREES = 100


@DETECTORS.register
class IsolationForest(ScoredDetector):
    """scikit-learn's isolation forest with its defaults."""

    name = "isolation_forest"

    def fit_score(self, points: "Tensor", random: np.random.Generator) -> Score:
        """scikit-learn's IsolationForest."""
        from sklearn.ensemble import IsolationForest

        return outlierness(IsolationForest(random_state=int(random.integers(2**31))), points)

    def flop(self, features: int, trusted: int, points: int) -> float:
        """Rough: trees of 256 points each, and a path through every tree."""
        return 1000.0 * TREES * math.log2(256) + 50.0 * TREES * (trusted / 2 + points)
