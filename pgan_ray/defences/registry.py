"""The detectors' one small interface, and the detector of a name."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from pgan_ray.defences.knn_distance import KnnDistance
from pgan_ray.defences.scored import (
    ScoredDetector,
    fit_isolation_forest,
    fit_local_outlier_factor,
    fit_one_class_svm,
    fit_sphere,
)
from pgan_ray.spec.evaluation import DetectorSpec

_SCORED = {
    "sphere": fit_sphere,
    "local_outlier_factor": fit_local_outlier_factor,
    "isolation_forest": fit_isolation_forest,
    "one_class_svm": fit_one_class_svm,
}


class Detector(Protocol):
    """An outlier detector of one class, already fitted on trusted points."""

    def reject(self, points: Tensor) -> Tensor:
        """Which of the ``points`` (N, F) are rejected: (N,) booleans."""
        ...


class NoDetector:
    """Rejects nothing."""

    def reject(self, points: Tensor) -> Tensor:
        """(N,) booleans, all False."""
        return torch.zeros(len(points), dtype=torch.bool, device=points.device)


def fit_detector(spec: DetectorSpec, trusted: Tensor, random: np.random.Generator) -> Detector:
    """Fit the detector that ``spec`` names on the ``trusted`` points (N, F) of one class."""
    if spec.name == "none":
        return NoDetector()
    if spec.name in _SCORED:
        return ScoredDetector(trusted, _SCORED[spec.name], percentile=spec.percentile, random=random)
    return KnnDistance(
        trusted,
        neighbours=spec.neighbours,
        sample_size=spec.sample_size,
        percentile=spec.percentile,
        random=random,
    )
