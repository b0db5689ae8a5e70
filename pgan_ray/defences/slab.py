"""The slab defence of Steinhardt, Koh & Liang (2017)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pgan_ray.defences.interface import ContrastDetector, Score
from pgan_ray.registry import DETECTORS

if TYPE_CHECKING:
    from torch import Tensor


@DETECTORS.register
class Slab(ContrastDetector):
    """Distance to the class mean along the line to another class's mean (Steinhardt et al. 2017).

    Section 3 there: |<x - m, m - m'>| of the means m of its class and m' of the other; here over the distance of the
    means, so that it is a length, and the largest over the other classes.
    """

    name = "slab"

    def fit_score_among(self, points: "Tensor", others: Sequence["Tensor"]) -> Score:
        """The largest absolute projection of a point, less the mean of ``points``, on lines between means."""
        import torch

        centre = points.mean(0)
        lines = torch.stack([centre - other.mean(0) for other in others])
        lines = lines / lines.norm(dim=1, keepdim=True).clamp(min=torch.finfo(lines.dtype).tiny)
        return lambda found: ((found - centre) @ lines.T).abs().amax(1)

    def flop(self, features: int, trusted: int, points: int) -> float:
        """Means, and a projection a point."""
        return 4.0 * features * (trusted + points)
