"""Detectors of other schools, all with one kind of threshold. Shapes: N points, F features."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

Score = Callable[[Tensor], Tensor]


class ScoredDetector:
    """Rejects points whose outlierness is above what most trusted points show that the score was not fitted on."""

    def __init__(
        self,
        trusted: Tensor,
        fit: Callable[[Tensor, np.random.Generator], Score],
        *,
        percentile: float,
        random: np.random.Generator,
    ) -> None:
        """Fit on a random half of the ``trusted`` points (N, F).

        The threshold is the ``percentile`` quantile (a fraction) of the scores of the other half: scores of points
        that a detector was fitted on are too low, by more for some detectors than for others.
        """
        order = torch.from_numpy(random.permutation(len(trusted)))
        half = len(trusted) // 2
        self.score: Score = fit(trusted[order[:half]], random)
        self.threshold = torch.quantile(self.score(trusted[order[half:]]), percentile)

    def reject(self, points: Tensor) -> Tensor:
        """(N,) booleans: whose score is above the threshold, or who is made of no numbers."""
        # scikit-learn takes neither points that are no numbers nor no points at all.
        kept = points.isfinite().all(1)
        if kept.any():
            kept[kept.clone()] = self.score(points[kept]) <= self.threshold
        return ~kept


def fit_sphere(fitted: Tensor, random: np.random.Generator) -> Score:
    """Euclidean distance to the mean point (the sphere defence of Steinhardt et al. 2017)."""
    centre = fitted.mean(0)
    return lambda points: (points - centre).norm(dim=1)


def fit_local_outlier_factor(fitted: Tensor, random: np.random.Generator) -> Score:
    """scikit-learn's LocalOutlierFactor."""
    from sklearn.neighbors import LocalOutlierFactor

    return _outlierness(LocalOutlierFactor(n_neighbors=min(20, len(fitted) - 1), novelty=True), fitted)


def fit_isolation_forest(fitted: Tensor, random: np.random.Generator) -> Score:
    """scikit-learn's IsolationForest."""
    from sklearn.ensemble import IsolationForest

    return _outlierness(IsolationForest(random_state=int(random.integers(2**31))), fitted)


def fit_one_class_svm(fitted: Tensor, random: np.random.Generator) -> Score:
    """scikit-learn's OneClassSVM."""
    from sklearn.svm import OneClassSVM

    return _outlierness(OneClassSVM(), fitted)


def _outlierness(model: Any, fitted: Tensor) -> Score:
    model.fit(fitted.numpy())
    return lambda points: -torch.from_numpy(np.asarray(model.score_samples(points.numpy()), dtype=np.float64))
