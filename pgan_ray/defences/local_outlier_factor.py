"""scikit-learn's LocalOutlierFactor."""

from typing import TYPE_CHECKING

import numpy as np

from pgan_ray.defences.interface import PercentileConfig, Score, ScoredDetector, outlierness
from pgan_ray.registry import DETECTORS
from pgan_ray.spec import EvaluationSpec

if TYPE_CHECKING:
    from torch import Tensor


class LocalOutlierFactorConfig(PercentileConfig):
    """scikit-learn's, with its defaults."""

    def check_evaluation(self, evaluation: EvaluationSpec) -> None:
        """Half of the trusted points must be two."""
        if evaluation.trusted_per_class < 4:
            raise ValueError(
                f"`trusted_per_class` must be at least 4 for `local_outlier_factor`, got "
                f"{evaluation.trusted_per_class}: it compares the points of one half with each other"
            )


@DETECTORS.register
class LocalOutlierFactor(ScoredDetector):
    """scikit-learn's local outlier factor with its defaults."""

    name = "local_outlier_factor"
    Config = LocalOutlierFactorConfig

    def fit_score(self, points: "Tensor", random: np.random.Generator) -> Score:
        """scikit-learn's LocalOutlierFactor."""
        from sklearn.neighbors import LocalOutlierFactor

        return outlierness(LocalOutlierFactor(n_neighbors=min(20, len(points) - 1), novelty=True), points)

    def flop(self, features: int, trusted: int, points: int) -> float:
        """Distances between all points of one half, and to them."""
        half = trusted / 2
        return 3.0 * features * half * (half + half + points)
