"""The bilevel attack by the implicit function theorem (Mei & Zhu 2015; Koh & Liang 2017, Section 2.2)."""

from typing import ClassVar

from pydantic import Field

from pgan_ray.attacks.optimised import FittedConfig, OptimisedAttack, OptimisedConfig, SurrogateSpec
from pgan_ray.registry import ATTACKS


class InfluenceConfig(FittedConfig, OptimisedConfig):
    """Points climb the loss of a surrogate that is trained on them, by the implicit function theorem."""

    surrogate: SurrogateSpec = Field(default=SurrogateSpec(), description="The attacker's own classifier.")
    damping: float = Field(
        default=0.01, ge=0, description="Added to the Hessian's diagonal; a network's Hessian has negative curvature."
    )
    solver_steps: int = Field(default=30, ge=1, description="Maximum conjugate gradient steps per iteration.")


@ATTACKS.register
class Influence(OptimisedAttack):
    """Moves points along the gradient of the validation loss of a surrogate fitted to them.

    With theta the minimum of the training objective J over n points, and L the validation loss, the gradient at a
    poisoning point x is -(d/dx grad_theta J)' H^-1 grad_theta L (Mei & Zhu 2015; Koh & Liang 2017, eq. 5):
    exact for logistic regression, an approximation for a network that is no minimum. H^-1 grad_theta L by conjugate
    gradients, with products of H and a vector alone.

    The attacker knows the training split and how its surrogate is trained; not which of these points a victim gets.
    """

    name = "influence"
    Config = InfluenceConfig
    config: InfluenceConfig
    engine: ClassVar[str] = "pgan_ray.attacks.engines.influence:InfluencePoints"

    @property
    def passes(self) -> float:
        """Fits take about 1.2 a step, a product with the Hessian about 2."""
        return 1.2 * self.config.fit_steps + 2.0 * self.config.solver_steps + 4
