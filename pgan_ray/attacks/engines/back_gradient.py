"""Points that move by differentiating the surrogate's training. Shapes: P poisoning points, F features."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.func import grad

from pgan_ray.attacks.back_gradient import BackGradient
from pgan_ray.attacks.engines.points import SurrogatePoints
from pgan_ray.attacks.interface import Member
from pgan_ray.data import TaskData


class BackGradientPoints(SurrogatePoints):
    """One replicate's points, and its surrogate, which is trained from the same start before each move."""

    def __init__(self, attack: BackGradient, member: Member, task: TaskData, device: torch.device) -> None:
        super().__init__(attack, member, task, device)
        self._learning_rate, self._steps = attack.config.learning_rate, attack.config.training_steps

    def move(self) -> Sequence[float]:
        """Train the surrogate, and move the points up its validation loss."""
        x, y = self.poisoned
        path = self.trained()
        valid, fitted = self.validation_loss(path[-1]), self.surrogate.loss(path[-1], x, y)
        self.climb(self.gradient(path))
        return float(valid), float(fitted)

    def trained(self) -> list[Tensor]:
        """The parameters before the first step of gradient descent, and after each of them."""
        x, y = self.poisoned
        descent = grad(lambda theta: self.surrogate.objective(theta, x, y))
        path = [self.theta]
        for _ in range(self._steps):
            path.append(path[-1] - self._learning_rate * descent(path[-1]))
        return path

    def gradient(self, path: Sequence[Tensor]) -> Tensor:
        """(P, F): of the validation loss at the end of ``path``, by each point, through all of its steps."""
        by_theta = grad(self.validation_loss)(path[-1])
        by_points = torch.zeros_like(self.x)

        def descent(theta: Tensor, poison: Tensor, direction: Tensor) -> Tensor:
            return self.surrogate.along(theta, *self.beside_genuine(poison), direction)

        back = grad(descent, argnums=(0, 1))
        for theta in reversed(path[:-1]):
            curved, through = back(theta, self.x, by_theta)
            by_points = by_points - self._learning_rate * through
            by_theta = by_theta - self._learning_rate * curved
        return by_points
