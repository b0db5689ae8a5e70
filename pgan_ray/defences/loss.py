"""The loss defence of Koh, Steinhardt & Liang (2018, Section 2)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pgan_ray.defences.interface import ContrastDetector, Score
from pgan_ray.registry import DETECTORS

if TYPE_CHECKING:
    from torch import Tensor

PASSES = 30  # of the solver over the points, about


@DETECTORS.register
class Loss(ContrastDetector):
    """Loss under a logistic regression fitted to the trusted points (Koh, Steinhardt & Liang 2018).

    There the classifier is that of the untrusted training set; trusted points give the same score without the poison's
    own say in it. The regression is scikit-learn's with its defaults.
    """

    name = "loss"

    def fit_score_among(self, points: "Tensor", others: Sequence["Tensor"]) -> Score:
        """Minus the logarithm of the probability that a point is of the class of ``points``, rather than ``others``."""
        import torch
        from sklearn.linear_model import LogisticRegression

        sets = [part.double().numpy() for part in (points, *others)]
        labels = np.repeat(np.arange(len(sets)), [len(part) for part in sets])
        model = LogisticRegression(max_iter=1000).fit(np.concatenate(sets), labels)
        return lambda found: torch.from_numpy(-model.predict_log_proba(found.double().numpy())[:, 0])

    def flop(self, features: int, trusted: int, points: int) -> float:
        """Passes of the solver over the points of two classes, and a product a point."""
        return 2.0 * features * (2 * PASSES * trusted + points)
