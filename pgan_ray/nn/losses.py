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


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy (..., R, B) of each point of ``logits`` (..., R, B, O) for `soft_targets` (R, B, O)."""
    if logits.shape[-1] == 1:
        losses = F.binary_cross_entropy_with_logits(logits, targets.expand_as(logits), reduction="none")
        return losses.squeeze(-1)
    return -(targets * logits.log_softmax(-1)).sum(-1)


def cross_entropy_gradient(logits: Tensor, targets: Tensor) -> Tensor:
    """The gradient (R, B, O) of each point's `cross_entropy` by its logits."""
    scores = logits.sigmoid() if logits.shape[-1] == 1 else logits.softmax(-1)
    return scores.sub_(targets)


def predictions(logits: Tensor) -> Tensor:
    """Class labels (R, B) that the logits decide for."""
    if logits.shape[-1] == 1:
        return (logits.squeeze(-1) > 0).to(torch.int64)
    return logits.argmax(-1)
