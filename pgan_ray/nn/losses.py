"""Losses per member. Shapes: R replicates, B batch, K classes; logits (R, B, 1) if K = 2, else (R, B, K)."""

import torch
import torch.nn.functional as F
from torch import Tensor


def classification_loss(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of each point, (R, B), for integer ``labels`` (R, B).

    ``smoothing`` is one-sided, as in Salimans et al. 2016: with two classes only the target 1 becomes
    ``1 - smoothing``; with more, the mass is spread evenly over all classes, as `torch.nn` does.
    """
    if logits.shape[-1] == 1:
        targets = labels.to(logits.dtype) * (1.0 - smoothing)
        return F.binary_cross_entropy_with_logits(logits.squeeze(-1), targets, reduction="none")
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none", label_smoothing=smoothing).view(
        labels.shape
    )


def predictions(logits: Tensor) -> Tensor:
    """Class labels (R, B) that the logits decide for."""
    if logits.shape[-1] == 1:
        return (logits.squeeze(-1) > 0).to(torch.int64)
    return logits.argmax(-1)
