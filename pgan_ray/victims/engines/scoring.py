"""Scores on clean test points. Shapes: R victims, T test points, F features, K classes."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pgan_ray.cost.networks import JUDGED_AT_ONCE, MOST_JUDGED
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
def confusion_matrices(
    network: StackedMLP, x: Tensor, y: Tensor, classes: int, chunk: int = JUDGED_AT_ONCE
) -> tuple[Tensor, Tensor]:
    """(R, K, K) counts: true label by row, predicted label by column, of the points ``x`` (T, F), ``y`` (T,).

    And (R,) whether all of a victim's logits were numbers: if not, it diverged and its counts mean nothing.
    """
    chunk = min(chunk, max(1, MOST_JUDGED // network.members))
    device = next(network.parameters()).device
    matrices = torch.zeros(network.members, classes * classes, dtype=torch.int64, device=device)
    finite = torch.ones(network.members, dtype=torch.bool, device=device)
    for part_x, part_y in zip(x.split(chunk), y.split(chunk), strict=True):
        logits = network(part_x.to(device).expand(network.members, -1, -1))
        finite &= logits.isfinite().flatten(1).all(1)
        cells = part_y.to(device) * classes + predictions(logits)
        matrices.scatter_add_(1, cells, torch.ones_like(cells))
    return matrices.view(-1, classes, classes).cpu(), finite.cpu()


def confusion_matrix(labels: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """(K, K) counts of one victim: ``labels`` (T,) by row, ``predicted`` (T,) by column."""
    return torch.bincount(labels * classes + predicted, minlength=classes * classes).view(classes, classes)


def score(matrix: Tensor, *, poison_label: int, source_label: int) -> Scores:
    """The scores of one victim from its confusion ``matrix`` (K, K)."""
    counts = matrix.tolist()
    of_class = [sum(row) for row in counts]
    right = sum(counts[label][label] for label in range(len(counts)))
    return Scores(
        test_error=(sum(of_class) - right) / sum(of_class),
        false_positive_rate=counts[source_label][poison_label] / of_class[source_label],
        false_negative_rate=counts[poison_label][source_label] / of_class[poison_label],
    )
