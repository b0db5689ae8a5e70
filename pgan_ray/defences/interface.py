"""What a detector is. Shapes: T trusted points, N points, F features."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from pydantic import Field

from pgan_ray.spec import Component, DetectorConfig

if TYPE_CHECKING:
    from torch import Tensor

Score = Callable[["Tensor"], "Tensor"]


class Fitted(Protocol):
    """An outlier detector of one class, already fitted on trusted points."""

    def reject(self, points: "Tensor") -> "Tensor":
        """Which of the ``points`` (N, F) are rejected: (N,) booleans."""
        ...


class Detector(Component):
    """The defender's outlier detector, one for each class, that filters the training set."""

    Config: ClassVar[type[DetectorConfig]] = DetectorConfig
    filters: ClassVar[bool] = True

    def __init__(self, config: DetectorConfig) -> None:
        self.config = config

    def fit(self, trusted: "Tensor", random: np.random.Generator) -> Fitted:
        """Fit it on the ``trusted`` points (T, F) of one class."""
        raise NotImplementedError

    def flop(self, features: int, trusted: int, points: int) -> float:
        """Operations of fitting it on ``trusted`` points and judging ``points``, roughly: work is cut by it."""
        return 3.0 * features * trusted * points


class PercentileConfig(DetectorConfig):
    """A detector with a threshold."""

    percentile: float = Field(
        default=0.95,
        gt=0,
        lt=1,
        description="Share of genuine points that the threshold is to keep: a fraction, 0.95 and not 95.",
    )


class ScoredDetector(Detector):
    """Rejects points whose outlierness is above what most trusted points show that the score was not fitted on."""

    Config = PercentileConfig
    config: PercentileConfig

    def fit(self, trusted: "Tensor", random: np.random.Generator) -> "FittedScore":
        """Fit `fit_score` on a random half of the ``trusted`` points (T, F).

        The threshold is the `percentile` quantile of the scores of the other half: scores of points that a detector
        was fitted on are too low, by more for some detectors than for others.
        """
        import torch

        order = torch.from_numpy(random.permutation(len(trusted)))
        half = len(trusted) // 2
        score = self.fit_score(trusted[order[:half]], random)
        return FittedScore(score, torch.quantile(score(trusted[order[half:]]), self.config.percentile))

    def fit_score(self, points: "Tensor", random: np.random.Generator) -> Score:
        """A function of points (N, F) that gives their outlierness (N,), fitted on ``points``."""
        raise NotImplementedError


class FittedScore:
    """A score, and the threshold above which it rejects."""

    def __init__(self, score: Score, threshold: "Tensor") -> None:
        self.score, self.threshold = score, threshold

    def reject(self, points: "Tensor") -> "Tensor":
        """(N,) booleans: whose score is above the threshold, or who is made of no numbers."""
        # scikit-learn takes neither points that are no numbers nor no points at all.
        kept = points.isfinite().all(1)
        if kept.any():
            kept[kept.clone()] = self.score(points[kept]) <= self.threshold
        return ~kept


def fit_detector(config: DetectorConfig, trusted: "Tensor", random: np.random.Generator) -> Fitted:
    """Fit the detector that a section of a sweep file describes on the ``trusted`` points (T, F) of one class."""
    detector: Detector = config.make()
    return detector.fit(trusted, random)


def outlierness(model: Any, points: "Tensor") -> Score:
    """The score of an outlier detector of scikit-learn's that is fitted on ``points``: the reverse of its own."""
    import torch

    model.fit(points.numpy())
    return lambda found: -torch.from_numpy(np.asarray(model.score_samples(found.numpy()), dtype=np.float64))
