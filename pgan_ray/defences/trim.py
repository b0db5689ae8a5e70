"""TRIM, a trimmed loss (Jagielski et al. 2018, Algorithm 2), for classifiers."""

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from pgan_ray.defences.defence import RobustTrainer, Suspects
from pgan_ray.registry import DEFENCES
from pgan_ray.spec import DefenceConfig

if TYPE_CHECKING:
    from torch import Tensor


class TrimConfig(DefenceConfig):
    """Trains on the points of least loss, by turns."""

    trimmed: float = Field(
        default=0.2,
        gt=0,
        lt=1,
        description="Share of the training set to leave out: the share of poison that the defender expects.",
    )
    rounds: int = Field(
        default=5, ge=1, description="Most victims trained before the final one; fewer if the choice of points settles."
    )

    @property
    def kept_fraction(self) -> float:
        """All but what is trimmed."""
        return 1 - self.trimmed


@DEFENCES.register
class Trim(RobustTrainer):
    """Alternates between training on the points of lowest loss and choosing them again (Jagielski et al. 2018).

    There the loss is ridge regression's; here it is the victim's cross-entropy. It begins with a random choice, ends
    when the choice stays the same, and the victim is trained on what it ended with. It takes no notice of classes:
    where one of them has the larger losses throughout, it is that class which is left out.
    """

    name = "trim"
    label = "TRIM"
    Config = TrimConfig
    config: TrimConfig

    def settle(self, suspects: Suspects, random: np.random.Generator) -> "Tensor":
        """(N,) booleans: the points of least loss."""
        import torch

        x, y = suspects.x, suspects.y
        count = max(1, len(x) - round(self.config.trimmed * len(x)))
        kept = torch.zeros(len(x), dtype=torch.bool)
        kept[torch.from_numpy(random.permutation(len(x))[:count])] = True
        for _ in range(self.config.rounds):
            reading = suspects.ask(x[kept], y[kept], x)
            losses = -reading.log_probabilities.gather(1, y[:, None]).squeeze(1)
            chosen = torch.zeros_like(kept)
            chosen[losses.argsort(stable=True)[:count]] = True
            if torch.equal(chosen, kept):
                break
            kept = chosen
        return kept

    @property
    def trainings(self) -> int:
        """All rounds."""
        return self.config.rounds

    def flop(self, features: int, trusted: int, points: int) -> float:
        """The victims do the work."""
        return 0.0
