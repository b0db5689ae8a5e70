"""scikit-learn's OneClassSVM."""

from typing import TYPE_CHECKING

import numpy as np

from pgan_ray.defences.interface import Score, ScoredDetector, outlierness
from pgan_ray.registry import DETECTORS

if TYPE_CHECKING:
    from torch import Tensor

KERNEL_PASSES = 3  # of libsvm's over the kernel matrix


@DETECTORS.register
class OneClassSvm(ScoredDetector):
    """scikit-learn's one-class SVM with its defaults."""

    name = "one_class_svm"
    label = "one-class SVM"

    def fit_score(self, points: "Tensor", random: np.random.Generator) -> Score:
        """scikit-learn's OneClassSVM."""
        from sklearn.svm import OneClassSVM

        return outlierness(OneClassSVM(), points)

    def flop(self, features: int, trusted: int, points: int) -> float:
        """Rough: the kernel matrix, some times over."""
        half = trusted / 2
        return 3.0 * features * half * (KERNEL_PASSES * half + half + points)
