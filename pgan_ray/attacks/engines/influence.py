"""Points that move by the implicit function theorem. Shapes: P poisoning points, F features, D parameters."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.func import grad

from pgan_ray.attacks.engines.points import SurrogatePoints
from pgan_ray.attacks.engines.surrogate import conjugate_gradients
from pgan_ray.attacks.influence import Influence
from pgan_ray.attacks.interface import Member
from pgan_ray.data import TaskData


class InfluencePoints(SurrogatePoints):
    """One replicate's points, and its surrogate, which is fitted anew before each move."""

    def __init__(self, attack: Influence, member: Member, task: TaskData, device: torch.device) -> None:
        super().__init__(attack, member, task, device)
        config = attack.config
        self._steps, self._damping, self._solver_steps = config.fit_steps, config.damping, config.solver_steps

    def move(self) -> Sequence[float]:
        """Fit the surrogate, and move the points up its validation loss."""
        x, y = self.poisoned
        self.theta = self.surrogate.fitted(self.theta, x, y, self._steps)
        self.climb(self.gradient())
        return float(self.validation_loss(self.theta)), float(self.surrogate.loss(self.theta, x, y))

    def gradient(self) -> Tensor:
        """(P, F): of the validation loss, by each point, through the fitted surrogate."""
        x, y = self.poisoned
        surrogate, theta = self.surrogate, self.theta
        harm = grad(self.validation_loss)(theta)
        product = surrogate.hessian_product(theta, x, y)
        solved = conjugate_gradients(lambda v: product(v) + self._damping * v, harm, self._solver_steps)
        through = grad(lambda poison: surrogate.along(theta, *self.beside_genuine(poison), solved))
        gradient: Tensor = -through(self.x)
        return gradient

    def own_state(self) -> dict[str, Tensor]:
        """The surrogate, from which the next fit goes on."""
        return {"theta": self.theta}

    def load_own_state(self, tensors: Mapping[str, Tensor]) -> None:
        """As `MovedPoints.load_own_state`."""
        self.theta = tensors["theta"]
