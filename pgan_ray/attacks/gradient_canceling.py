"""Poison that makes parameters chosen beforehand a stationary point of the training (Lu, Kamath & Yu 2023)."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from pgan_ray.attacks.optimised import FittedConfig, OptimisedAttack, OptimisedConfig, SurrogateSpec
from pgan_ray.registry import ATTACKS

CANCELLED = 0.5  # of the genuine points' gradient that is left: more, and the target is far from where training ends


class GradientCancelingConfig(FittedConfig, OptimisedConfig):
    """Bad parameters first; then points whose gradient cancels the genuine points' at these."""

    objective: Literal["all", "source"] = Field(
        default="source",
        description="Whose loss the target parameters raise. Poison carries one label, and its gradient can hardly "
        "cancel that of parameters which do not favour this label.",
    )
    iterations: int = Field(default=200, ge=1, description="Steps of Adam on the points.")
    step_size: float = Field(
        default=0.05, gt=0, description="Adam's step size for each feature of a point; it falls linearly to 0."
    )
    surrogate: SurrogateSpec = Field(default=SurrogateSpec(), description="The attacker's own classifier.")
    corruption: float = Field(
        default=0.3,
        gt=0,
        description="Distance of the target parameters from the clean surrogate's, as a share of the latter's norm.",
    )


@ATTACKS.register
class GradientCanceling(OptimisedAttack):
    """Chooses target parameters with a high validation loss, and moves points until training would stay there.

    Lu, Kamath & Yu 2023 (Algorithm 1): the squared norm of the gradient of the training objective at the target, of
    genuine points and poison together, is minimised over the poison. The target is the clean surrogate's parameters
    moved up the validation loss by a given distance (gradient-based parameter corruption, Sun et al. 2020).

    The attacker knows the training split and the kind of classifier; not which of these points a victim gets.
    """

    name = "gradient_canceling"
    Config = GradientCancelingConfig
    config: GradientCancelingConfig
    engine: ClassVar[str] = "pgan_ray.attacks.engines.canceling:CancelingPoints"
    metrics: ClassVar[tuple[str, ...]] = ("gradient_left", "target_validation_loss")

    def health(self, metrics: Mapping[str, float]) -> str:
        """By how much of the gradient is cancelled."""
        left = metrics.get("gradient_left", 0.0)
        if left <= CANCELLED:
            return ""
        return (
            f"{left:.0%} of the gradient that the points should cancel is left, so training on them does not end at "
            "the target parameters"
        )

    @property
    def passes(self) -> float:
        """The gradient, and its derivative by the points."""
        return 4.0
