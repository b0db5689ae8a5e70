"""Points whose gradient cancels that of genuine ones. Shapes: P poisoning points, F features, D parameters."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.func import grad, grad_and_value

from pgan_ray.attacks.engines.points import SurrogatePoints
from pgan_ray.attacks.engines.surrogate import Adam
from pgan_ray.attacks.gradient_canceling import GradientCanceling
from pgan_ray.attacks.interface import Member
from pgan_ray.data import TaskData

CLEAN_FITS = 10  # of `fit_steps` each, before the target is chosen
CORRUPTING_STEPS = 20


class CancelingPoints(SurrogatePoints):
    """One replicate's points, and the parameters that they are to make stationary."""

    def __init__(self, attack: GradientCanceling, member: Member, task: TaskData, device: torch.device) -> None:
        super().__init__(attack, member, task, device)
        self.fit_to_genuine(CLEAN_FITS, attack.config.fit_steps)
        self.target = self._corrupted(self.theta, attack.config.corruption)
        self._adam = Adam(self.x)
        self._target_loss = float(self.validation_loss(self.target))
        self._unopposed = float(self._gradient(self.x[:0]).norm())

    def _corrupted(self, clean: Tensor, corruption: float) -> Tensor:
        """``clean``, moved up the validation loss by steps whose lengths add up to its norm times ``corruption``."""
        harm = grad(self.validation_loss)
        theta, length = clean, corruption * clean.norm() / CORRUPTING_STEPS
        for _ in range(CORRUPTING_STEPS):
            uphill = harm(theta)
            theta = theta + length * uphill / uphill.norm().clamp(min=1e-30)
        return theta

    def _gradient(self, poison: Tensor) -> Tensor:
        """(D,): of the training objective at the target, of genuine points and ``poison`` (P, F)."""
        x, y = self.beside_genuine(poison)
        gradient: Tensor = grad(lambda at: self.surrogate.objective(at, x, y))(self.target)
        return gradient

    def move(self) -> Sequence[float]:
        """One of Adam's steps down the squared norm of the gradient at the target."""
        slope, square = grad_and_value(lambda poison: self._gradient(poison).square().sum())(self.x)
        step = self._adam.step(slope, self.iteration + 1, self.config.step_size * self.left)
        self.x = self.held(self.x + step)
        return float(square.sqrt()) / self._unopposed, self._target_loss

    def own_state(self) -> dict[str, Tensor]:
        """Adam's averages. The target is a matter of the seed."""
        return self._adam.state()

    def load_own_state(self, tensors: Mapping[str, Tensor]) -> None:
        """As `MovedPoints.load_own_state`."""
        self._adam.load_state(tensors)
