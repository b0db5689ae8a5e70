"""Spectral signatures (Tran, Li & Madry 2018, Algorithm 1)."""

import numpy as np
from pydantic import Field

from pgan_ray.defences.defence import Sanitised, Sanitiser, Suspects
from pgan_ray.registry import DEFENCES
from pgan_ray.spec import DefenceConfig

MARGIN = 1.5  # Algorithm 1 drops half as many points more than there may be poison


class SpectralSignatureConfig(DefenceConfig):
    """Drops what stands out along the victim's features' first direction."""

    poison_share: float = Field(
        default=0.1,
        gt=0,
        le=0.5,
        description="ε: expected largest share of poison in a class. 1.5 ε of each class is dropped.",
    )

    @property
    def kept_fraction(self) -> float:
        """All but what is dropped."""
        return 1 - MARGIN * self.poison_share


@DEFENCES.register
class SpectralSignature(Sanitiser):
    """Drops the points farthest along the first singular vector of the victim's features (Tran et al. 2018).

    Of each class, over the representation that a victim trained on the whole set has of it. The victim is then trained
    anew on the rest.
    """

    name = "spectral_signature"
    Config = SpectralSignatureConfig
    config: SpectralSignatureConfig
    asks_victim = True

    def sanitise(self, suspects: Suspects, random: np.random.Generator) -> Sanitised:
        """So many of each class are dropped, whatever their scores."""
        import torch

        features = suspects.ask(suspects.x, suspects.y, suspects.x).representation.double()
        kept = torch.ones(len(suspects.x), dtype=torch.bool)
        for label in range(suspects.classes):
            rows = (suspects.y == label).nonzero().squeeze(1)
            count = min(round(MARGIN * self.config.poison_share * len(rows)), len(rows) - 1)
            if count < 1:
                continue
            centred = features[rows] - features[rows].mean(0)
            direction = torch.linalg.svd(centred, full_matrices=False).Vh[0]
            scores = (centred @ direction) ** 2
            kept[rows[scores.argsort(descending=True, stable=True)[:count]]] = False
        return Sanitised(kept, suspects.y.clone())

    def flop(self, features: int, trusted: int, points: int) -> float:
        """A singular value decomposition of the victim's features: of as many as the data has, at most."""
        return 4.0 * points * features * min(points, features)
