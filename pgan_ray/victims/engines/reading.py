"""What classifiers make of single points. Shapes: N points to train on, P points to read, F features, K classes."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

LEAST = -30.0
"""The logarithm of a probability that a classifier without a number for it is taken to give."""


def read_estimator(model: Any, x: Tensor, y: Tensor, points: Tensor, classes: int) -> Tensor:
    """(P, K) logarithms of the probabilities that scikit-learn's ``model``, trained on ``x`` and ``y``, gives.

    Of one without probabilities, by its decision function; of one without that, all for its label.
    """
    read = torch.full((len(points), classes), LEAST, dtype=torch.float64)
    labels = y.unique()
    if len(labels) == 1:
        read[:, labels] = 0.0
        return read
    model.fit(x.numpy(), y.numpy())
    given = points.numpy().copy()
    if hasattr(model, "predict_proba"):
        with np.errstate(divide="ignore"):
            found = np.log(np.asarray(model.predict_proba(given), dtype=np.float64))
    elif hasattr(model, "decision_function"):
        found = _log_softmax(np.asarray(model.decision_function(given), dtype=np.float64))
    else:
        found = np.where(np.asarray(model.predict(given))[:, None] == labels.numpy(), 0.0, LEAST)
    if found.shape != (len(points), len(labels)) or np.isnan(found).any():
        raise ValueError(f"a classifier must give {len(labels)} numbers for each point, got {found.shape}")
    read[:, labels] = torch.from_numpy(found.clip(min=LEAST))
    return read


def _log_softmax(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of one score a point, which is the second class's over the first's, or of one for each class."""
    logits = np.stack([np.zeros_like(scores), scores], axis=1) if scores.ndim == 1 else scores
    return torch.from_numpy(logits).log_softmax(1).numpy()


def log_probabilities(logits: Tensor) -> Tensor:
    """(P, K) of logits (P, O), where O is 1 with two classes. Raises `ValueError` where the victim diverged."""
    if not logits.isfinite().all():
        raise ValueError("the victim that a defence asked for diverged")
    logits = logits.double().cpu()
    return (torch.cat((torch.zeros_like(logits), logits), dim=1) if logits.shape[1] == 1 else logits).log_softmax(1)
