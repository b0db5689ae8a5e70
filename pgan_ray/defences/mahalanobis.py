"""The Mahalanobis distance with a shrunk covariance."""

from typing import TYPE_CHECKING

import numpy as np

from pgan_ray.defences.interface import PercentileConfig, Score, ScoredDetector
from pgan_ray.registry import DETECTORS
from pgan_ray.spec import EvaluationSpec

if TYPE_CHECKING:
    from torch import Tensor


class MahalanobisConfig(PercentileConfig):
    """Ledoit and Wolf's (2004) covariance."""

    def check_evaluation(self, evaluation: EvaluationSpec) -> None:
        """Half of the trusted points must be two."""
        if evaluation.trusted_per_class < 4:
            raise ValueError(
                f"`trusted_per_class` must be at least 4 for `mahalanobis`, got {evaluation.trusted_per_class}: half "
                "of them give the covariance"
            )


@DETECTORS.register
class Mahalanobis(ScoredDetector):
    """Mahalanobis distance to the mean trusted point, with Ledoit and Wolf's shrunk covariance (2004)."""

    name = "mahalanobis"
    Config = MahalanobisConfig

    def fit_score(self, points: "Tensor", random: np.random.Generator) -> Score:
        """The distance by scikit-learn's LedoitWolf on ``points``."""
        import torch
        from sklearn.covariance import LedoitWolf

        model = LedoitWolf().fit(points.double().numpy())
        return lambda found: torch.from_numpy(np.sqrt(model.mahalanobis(found.double().numpy())))

    def flop(self, features: int, trusted: int, points: int) -> float:
        """The covariance, its inverse and a product with that a point."""
        half = trusted / 2
        return 2.0 * features**2 * (half + half + points) + 3.0 * features**3
