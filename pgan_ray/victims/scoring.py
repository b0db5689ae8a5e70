"""Scores on clean test points. Shapes: R victims, T test points, F features, K classes."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pgan_ray.nn import StackedMLP, predictions


@dataclass(frozen=True)
class Scores:
    """What one victim gets wrong, as fractions.

    ``false_positive_rate``: share of the source class classified as the poison class; ``false_negative_rate``: the
    reverse.
    """

    test_error: float
    false_positive_rate: float
    false_negative_rate: float


@torch.no_grad()
def confusion_matrices(network: StackedMLP, x: Tensor, y: Tensor, classes: int, chunk: int = 2000) -> Tensor:
    """(R, K, K) counts: true label by row, predicted label by column, of the points ``x`` (T, F), ``y`` (T,)."""
    device = network.layers[0].weight.device
    matrices = torch.zeros(network.members, classes * classes, dtype=torch.int64, device=device)
    for part_x, part_y in zip(x.split(chunk), y.split(chunk), strict=True):
        logits = network(part_x.to(device).expand(network.members, -1, -1))
        cells = part_y.to(device) * classes + predictions(logits)
        matrices.scatter_add_(1, cells, torch.ones_like(cells))
    return matrices.view(-1, classes, classes).cpu()


def score(matrix: Tensor, *, poison_label: int, source_label: int) -> Scores:
    """The scores of one victim from its confusion ``matrix`` (K, K)."""
    totals = matrix.sum(1)
    return Scores(
        test_error=1.0 - float(matrix.diagonal().sum() / totals.sum()),
        false_positive_rate=float(matrix[source_label, poison_label] / totals[source_label]),
        false_negative_rate=float(matrix[poison_label, source_label] / totals[poison_label]),
    )
