"""A generator of poison that is trained by a classifier's loss alone (Yang, Wu, Li & Chen 2017)."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from pgan_ray.attacks.optimised import NetworkSurrogateSpec, OptimisedAttack, OptimisedConfig, parameters_of
from pgan_ray.registry import ATTACKS
from pgan_ray.spec.base import Part
from pgan_ray.spec.network import Width

if TYPE_CHECKING:
    from pgan_ray.cost import Work


class AutoencoderSpec(Part):
    """G, a perceptron with LeakyReLU that makes poison of points of the source class."""

    widths: list[Width] = Field(default=[128], description="Hidden layers, input side first.")
    learning_rate: float = Field(default=1e-3, gt=0, description="Adam's step size, in pretraining and training.")
    pretraining: int = Field(
        default=200, ge=0, description="Steps of pretraining, in which it learns to reproduce its input."
    )


class DirectGenerativeConfig(OptimisedConfig):
    """An autoencoder makes the points, and learns by the loss of a classifier that learns from them."""

    iterations: int = Field(default=500, ge=1, description="Steps of the surrogate and of the autoencoder.")
    autoencoder: AutoencoderSpec = Field(default=AutoencoderSpec(), description="The network that makes the points.")
    surrogate: NetworkSurrogateSpec = Field(
        default=NetworkSurrogateSpec(), description="The attacker's own classifier."
    )
    learning_rate: float = Field(
        default=0.1, gt=0, description="Step size of the surrogate's full-batch gradient descent."
    )

    def unread(self) -> frozenset[str]:
        """G has a learning rate of its own."""
        return frozenset({"step_size"})


@ATTACKS.register
class DirectGenerative(OptimisedAttack):
    """Trains an autoencoder whose outputs raise the classifier's validation loss after one step of training on them.

    After the generative method of Yang, Wu, Li & Chen 2017: an autoencoder is rewarded by the loss on genuine points of
    a classifier that learns from its poison. The source spares second derivatives; here G's gradient goes through the
    classifier's step itself. Nothing in it asks the points to look genuine: pGAN without D.

    The attacker knows the training split and the kind of classifier; not which of these points a victim gets.
    """

    name = "direct_generative"
    Config = DirectGenerativeConfig
    config: DirectGenerativeConfig
    engine: ClassVar[str] = "pgan_ray.attacks.engines.direct:GeneratedPoints"

    @property
    def passes(self) -> float:
        """A step of the classifier, and the way back through it."""
        return 4.0

    def _of_generator(self, features: int) -> int:
        return parameters_of([features, *self.config.autoencoder.widths, features])

    def iteration_work(self, features: int, classes: int) -> "Work":
        """With that of G, whose pretraining is spread over the iterations."""
        from pgan_ray.cost import Work

        passes = 1 + self.config.autoencoder.pretraining / self.config.iterations
        weights = self._of_generator(features)
        own = Work(6.0 * weights * self.config.points * passes, 36.0 * weights * passes, 60 * passes)
        return super().iteration_work(features, classes) + own

    def stored_numbers(self, features: int) -> int:
        """The weights of G."""
        return self._of_generator(features)

    def stack_bytes(self, features: int, classes: int, members: int, poison_points: int) -> int:
        """With G, its gradient and Adam's averages."""
        own = 4 * members * 8 * self._of_generator(features)
        return super().stack_bytes(features, classes, members, poison_points) + own
