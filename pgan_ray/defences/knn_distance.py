"""The distance-based detector of Wu & Jermaine (2006), as Paudice et al. (2018a) and Section 4 use it."""

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field, model_validator

from pgan_ray.defences.interface import Detector, FittedScore, PercentileConfig
from pgan_ray.registry import DETECTORS
from pgan_ray.spec import EvaluationSpec

if TYPE_CHECKING:
    from torch import Tensor


class KnnDistanceConfig(PercentileConfig):
    """Mean distance to the nearest of a sample of trusted points (Wu & Jermaine 2006)."""

    neighbours: int = Field(default=5, ge=1, description="k: nearest points to average over.")
    sample_size: int = Field(
        default=20, ge=1, description="s: trusted points in the sample, drawn without replacement."
    )

    @model_validator(mode="after")
    def _neighbours_fit(self) -> "KnnDistanceConfig":
        if self.neighbours > self.sample_size:
            raise ValueError(f"`neighbours` must be at most `sample_size` ({self.sample_size}), got {self.neighbours}")
        return self

    def check_evaluation(self, evaluation: EvaluationSpec) -> None:
        """The threshold comes from points that were not sampled."""
        if self.sample_size >= evaluation.trusted_per_class:
            raise ValueError(
                "`detector.sample_size` must be less than `trusted_per_class` "
                f"({evaluation.trusted_per_class}), got {self.sample_size}: the threshold comes from the rest"
            )


@DETECTORS.register
class KnnDistance(Detector):
    """Mean Euclidean distance to the nearest points of a sample of the trusted points (Wu & Jermaine 2006)."""

    name = "knn_distance"
    Config = KnnDistanceConfig
    config: KnnDistanceConfig

    def fit(self, trusted: "Tensor", random: np.random.Generator) -> FittedScore:
        """Sample s of the ``trusted`` points; the threshold is the `percentile` quantile of the scores of the rest."""
        import torch

        order = torch.from_numpy(random.permutation(len(trusted)))
        sampled, rest = order[: self.config.sample_size], order[self.config.sample_size :]
        score = MeanDistance(trusted[sampled], self.config.neighbours)
        return FittedScore(score, score(trusted[rest]), self.config)

    def flop(self, features: int, trusted: int, points: int) -> float:
        """Distances to the sample."""
        return 3.0 * features * self.config.sample_size * (trusted - self.config.sample_size + points)


class MeanDistance:
    """(N,) outlierness of points (N, F): the mean distance to the k nearest of the ``sample`` (S, F)."""

    def __init__(self, sample: "Tensor", neighbours: int) -> None:
        self._sample, self._neighbours = sample, neighbours

    def __call__(self, points: "Tensor") -> "Tensor":
        import torch

        # The default shortcut through matrix products loses digits that decide at the threshold.
        distances = torch.cdist(points, self._sample, compute_mode="donot_use_mm_for_euclid_dist")
        return distances.topk(self._neighbours, dim=1, largest=False).values.mean(1)
