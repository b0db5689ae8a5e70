"""The distance from the principal components' plane."""

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from pgan_ray.defences.interface import PercentileConfig, Score, ScoredDetector
from pgan_ray.registry import DETECTORS
from pgan_ray.spec import EvaluationSpec

if TYPE_CHECKING:
    from torch import Tensor


class PcaDistanceConfig(PercentileConfig):
    """Distance from the plane of the leading principal components."""

    explained: float = Field(
        default=0.95,
        gt=0,
        lt=1,
        description="Share of the trusted points' variance that the components must explain: as few as suffice, and "
        "at most one fewer than the maximum.",
    )

    def check_evaluation(self, evaluation: EvaluationSpec) -> None:
        """A plane needs a few points."""
        if evaluation.trusted_per_class < 6:
            raise ValueError(
                f"`trusted_per_class` must be at least 6 for `pca_distance`, got {evaluation.trusted_per_class}: half "
                "of them span the plane"
            )


@DETECTORS.register
class PcaDistance(ScoredDetector):
    """Distance to the plane of the trusted points' leading principal components.

    As the SVD defence of Koh, Steinhardt & Liang (2018, Section 2), which has rank instead of variance, and no mean.
    """

    name = "pca_distance"
    label = "PCA distance"
    Config = PcaDistanceConfig
    config: PcaDistanceConfig

    def fit_score(self, points: "Tensor", random: np.random.Generator) -> Score:
        """Euclidean distance to the plane that scikit-learn's PCA finds for ``points``."""
        import torch
        from sklearn.decomposition import PCA

        pca = PCA(svd_solver="full").fit(points.double().numpy())
        explained = np.cumsum(pca.explained_variance_ratio_)
        # The last component of as many as there are points is noise; with all features' there is no distance left.
        most = max(1, min(len(points) - 1, points.shape[1]) - 1)
        count = min(int(np.searchsorted(explained, self.config.explained)) + 1, most)
        centre, plane = torch.from_numpy(pca.mean_), torch.from_numpy(pca.components_[:count])

        def score(found: "Tensor") -> "Tensor":
            away = found.double() - centre
            distance: Tensor = (away - (away @ plane.T) @ plane).norm(dim=1)
            return distance

        return score

    def flop(self, features: int, trusted: int, points: int) -> float:
        """A singular value decomposition, and two products with the plane a point."""
        half = trusted / 2
        rank = min(half, features)
        return 2.0 * features * half * rank + 4.0 * features * rank * (half + points)
