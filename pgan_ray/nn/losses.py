"""Losses per member. Shapes: R replicates, B batch, K classes; O outputs, 1 if K = 2, else K; logits (R, B, O)."""

import torch
import torch.nn.functional as F
from torch import Tensor


def soft_targets(labels: Tensor, outputs: int, smoothing: float = 0.0) -> Tensor:
    """(..., O) targets of integer ``labels`` (...).

    ``smoothing`` is one-sided, as in Salimans et al. 2016: with two classes only the target 1 becomes
    ``1 - smoothing``; with more, the mass is spread evenly over all classes, as `torch.nn` does.
    """
    dtype = torch.get_default_dtype()
    if outputs == 1:
        return labels.unsqueeze(-1).to(dtype) * (1.0 - smoothing)
    return F.one_hot(labels, outputs).to(dtype) * (1.0 - smoothing) + smoothing / outputs


def cross_entropy(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy (R, B) of each point for `soft_targets` of the logits' shape, and its gradient by the logits."""
    if logits.shape[-1] == 1:
        losses = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        return losses.squeeze(-1), logits.sigmoid().sub_(targets)
    log_scores = logits.log_softmax(-1)
    return -(targets * log_scores).sum(-1), log_scores.exp().sub_(targets)


def predictions(logits: Tensor) -> Tensor:
    """Class labels (R, B) that the logits decide for."""
    if logits.shape[-1] == 1:
        return (logits.squeeze(-1) > 0).to(torch.int64)
    return logits.argmax(-1)
