"""Label sanitisation by nearest neighbours (Paudice, Munoz-Gonzalez & Lupu 2018b, Algorithm 2)."""

import numpy as np
from pydantic import Field

from pgan_ray.defences.defence import Sanitised, Sanitiser, Suspects
from pgan_ray.registry import DEFENCES
from pgan_ray.spec import DefenceConfig

ROWS_AT_ONCE = 1000


class LabelSanitisationConfig(DefenceConfig):
    """Relabels by the majority of the nearest neighbours."""

    neighbours: int = Field(default=10, ge=1, description="k: nearest other points of the training set to consider.")
    confidence: float = Field(
        default=0.5,
        ge=0.5,
        le=1,
        description="η: share of the neighbours that must agree on a label for a point to get it.",
    )


@DEFENCES.register
class LabelSanitisation(Sanitiser):
    """Gives each point the label of most of its nearest neighbours in the training set (Paudice et al. 2018b).

    The neighbours' labels are those before any was changed, and a point is not its own neighbour. On a tie between
    labels the point keeps its own.
    """

    name = "label_sanitisation"
    Config = LabelSanitisationConfig
    config: LabelSanitisationConfig

    def sanitise(self, suspects: Suspects, random: np.random.Generator) -> Sanitised:
        """Every point is kept; some have another label."""
        import torch

        x, y = suspects.x, suspects.y
        kept = torch.ones(len(x), dtype=torch.bool)
        neighbours = min(self.config.neighbours, len(x) - 1)
        if not neighbours:
            return Sanitised(kept, y.clone())
        labels = y.clone()
        for rows in torch.arange(len(x)).split(ROWS_AT_ONCE):
            distances = torch.cdist(x[rows], x)
            distances[torch.arange(len(rows)), rows] = torch.inf
            nearest = y[distances.topk(neighbours, dim=1, largest=False).indices]
            votes = torch.nn.functional.one_hot(nearest, suspects.classes).sum(1)
            most = votes.max(1)
            is_sure = most.values >= self.config.confidence * neighbours
            is_alone = (votes == most.values[:, None]).sum(1) == 1
            labels[rows] = torch.where(is_sure & is_alone, most.indices, y[rows])
        return Sanitised(kept, labels)

    def flop(self, features: int, trusted: int, points: int) -> float:
        """Distances between all points, of about two classes."""
        return 4.0 * features * points * points
