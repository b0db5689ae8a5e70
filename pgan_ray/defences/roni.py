"""Reject on negative impact (Nelson et al. 2008, Section 5.1). Shapes: B base points, V validation points."""

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from pgan_ray.defences.defence import Sanitised, Sanitiser, Suspects
from pgan_ray.registry import DEFENCES
from pgan_ray.spec import DefenceConfig, EvaluationSpec

if TYPE_CHECKING:
    from torch import Tensor

RIDGE = 0.1  # of the mean squared norm of the base points


class RoniConfig(DefenceConfig):
    """Drops points that make a small classifier err more."""

    base_size: int = Field(
        default=20, ge=2, description="Trusted points to train the small classifier on, over all classes."
    )
    validation_size: int = Field(default=50, ge=2, description="Trusted points to test it on, over all classes.")
    trials: int = Field(default=5, ge=1, description="Draws of both sets; a point's impact is the mean over draws.")
    percentile: float = Field(
        default=0.95,
        gt=0,
        lt=1,
        description="Least share of genuine points that should be kept, as a fraction (0.95, not 95).",
    )

    def check_evaluation(self, evaluation: EvaluationSpec) -> None:
        """A quarter of each class's trusted points to train on, one to judge by, and half for the threshold."""
        if evaluation.trusted_per_class < 8:
            raise ValueError(
                f"`trusted_per_class` must be at least 8 for `roni`, got {evaluation.trusted_per_class}: it splits "
                "them into quarters"
            )

    @property
    def kept_fraction(self) -> float:
        """What the threshold is to keep."""
        return self.percentile


@DEFENCES.register
class Roni(Sanitiser):
    """Drops points that lower a small trusted classifier's accuracy when added to its training (Nelson et al. 2008).

    There the learner is the one under attack, trained anew for each point. Here it is a regularised least squares
    classifier, as which a point is added to by a closed form, and the threshold on the impact is a quantile of that of
    trusted points which are in neither set.
    """

    name = "roni"
    label = "RONI"
    Config = RoniConfig
    config: RoniConfig

    def sanitise(self, suspects: Suspects, random: np.random.Generator) -> Sanitised:
        """Points whose impact is worse than most trusted points' are dropped."""
        import torch

        classes = suspects.classes
        orders = [torch.from_numpy(random.permutation(len(points))) for points in suspects.trusted]
        pools = [p[order[: len(p) // 2]] for p, order in zip(suspects.trusted, orders, strict=True)]
        held_out = [p[order[len(p) // 2 :]] for p, order in zip(suspects.trusted, orders, strict=True)]
        x = torch.cat((suspects.x, *held_out))
        y = torch.cat((suspects.y, _labels(held_out)))
        impacts = torch.zeros(len(x), dtype=torch.float64)
        for _ in range(self.config.trials):
            base, validation = [], []
            for pool in pools:
                order = torch.from_numpy(random.permutation(len(pool)))
                size = min(max(1, self.config.base_size // classes), len(pool) // 2)
                base.append(pool[order[:size]])
                validation.append(pool[order[size:]][: max(1, self.config.validation_size // classes)])
            impacts += impact(base, validation, x, y)
        points = len(suspects.x)
        threshold = torch.quantile(impacts[points:], 1 - self.config.percentile, interpolation="lower")
        return Sanitised(impacts[:points] >= threshold, suspects.y.clone())

    def flop(self, features: int, trusted: int, points: int) -> float:
        """Products of all points with those of both sets, in each trial."""
        of_sets = self.config.base_size + self.config.validation_size
        return 2.0 * self.config.trials * of_sets * (features + 50) * (points + trusted / 2)


def impact(base: list["Tensor"], validation: list["Tensor"], x: "Tensor", y: "Tensor") -> "Tensor":
    """(N,): how many more of the ``validation`` points are right with each of ``x``, ``y`` beside ``base``, by itself.

    The classifier is kernel ridge regression of the classes' indicators with the kernel 1 + <x, z>; of the system with
    one point more, the solution follows from the Schur complement of that point.
    """
    import torch

    classes = len(base)
    known, judged = torch.cat(base).double(), torch.cat(validation).double()
    truth, x = _labels(validation), x.double()
    one_hot = torch.nn.functional.one_hot
    ridge = RIDGE * float((known**2).sum(1).mean() + 1)
    gram = 1 + known @ known.T + ridge * torch.eye(len(known), dtype=torch.float64)
    towards = torch.linalg.solve(gram, 1 + known @ x.T)  # (B, N)
    weights = torch.linalg.solve(gram, one_hot(_labels(base), classes).double())  # (B, K)
    before = (1 + judged @ known.T) @ weights  # (V, K)
    residual = one_hot(y, classes).double() - (1 + x @ known.T) @ weights  # (N, K)
    schur = 1 + (x**2).sum(1) + ridge - ((1 + known @ x.T) * towards).sum(0)  # (N,)
    reach = (1 + judged @ x.T) - (1 + judged @ known.T) @ towards  # (V, N)
    after = before[None] + (reach.T / schur[:, None])[:, :, None] * residual[:, None, :]  # (N, V, K)
    gained: Tensor = (after.argmax(2) == truth).sum(1) - (before.argmax(1) == truth).sum()
    return gained.double()


def _labels(parts: list["Tensor"]) -> "Tensor":
    import torch

    return torch.repeat_interleave(torch.tensor([len(part) for part in parts]))
