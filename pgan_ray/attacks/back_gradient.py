"""The bilevel attack through the surrogate's training itself (Munoz-Gonzalez et al. 2017, Algorithm 2)."""

from typing import ClassVar

from pydantic import Field

from pgan_ray.attacks.optimised import NetworkSurrogateSpec, OptimisedAttack, OptimisedConfig
from pgan_ray.registry import ATTACKS


class BackGradientConfig(OptimisedConfig):
    """Points climb the loss of a surrogate that is trained on them, by differentiating its training."""

    iterations: int = Field(
        default=30, ge=1, description="Number of moves of the points, each after a new training of the surrogate."
    )
    surrogate: NetworkSurrogateSpec = Field(
        default=NetworkSurrogateSpec(), description="The attacker's own classifier."
    )
    learning_rate: float = Field(
        default=0.1, gt=0, description="Step size of the surrogate's full-batch gradient descent."
    )
    training_steps: int = Field(
        default=60,
        ge=1,
        description="Steps per training of the surrogate; the gradient is propagated back through all of them.",
    )


@ATTACKS.register
class BackGradient(OptimisedAttack):
    """Moves points along the gradient of the validation loss, through every step of the surrogate's training.

    Algorithm 2 of Munoz-Gonzalez et al. 2017: reverse-mode differentiation of a truncated training by gradient
    descent, with products of second derivatives and vectors alone. The parameters of its steps are kept, where the
    source recomputes them backwards to spare memory, at the price of rounding.

    The attacker knows the training split and the kind of classifier; not which of these points a victim gets.
    """

    name = "back_gradient"
    label = "back-gradient"
    Config = BackGradientConfig
    config: BackGradientConfig
    engine: ClassVar[str] = "pgan_ray.attacks.engines.back_gradient:BackGradientPoints"

    @property
    def passes(self) -> float:
        """A step of the training, and about three to go back through it."""
        return 4.0 * self.config.training_steps

    def stack_bytes(self, features: int, classes: int, members: int, poison_points: int) -> int:
        """With the parameters of all steps, of one member at a time."""
        weights, _ = self._surrogate(features, classes)
        rest = super().stack_bytes(features, classes, members, poison_points)
        return rest + 4 * self.config.training_steps * weights
