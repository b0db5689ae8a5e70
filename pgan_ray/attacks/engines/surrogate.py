"""The attacker's own classifier as a function of one vector of parameters, so that it can be differentiated twice.

Shapes: D parameters, N points, F features, K classes.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.func import grad
from torch.nn import functional as F

SLOPE = 0.1  # of the LeakyReLU, as in the paper's networks
TOLERANCE = 1e-6  # of conjugate gradients
Product = Callable[[Tensor], Tensor]


class Perceptron:
    """A perceptron with LeakyReLU, all of whose parameters are one vector."""

    def __init__(self, sizes: Sequence[int]) -> None:
        """``sizes``: of its input, its hidden layers and its output."""
        self._shapes = [torch.Size(s) for given, wanted in pairwise(sizes) for s in ((wanted, given), (wanted,))]

    def initial(self, seed: int) -> Tensor:
        """(D,) parameters, drawn as PyTorch's linear layers draw theirs; zeros for a linear model."""
        random = torch.Generator().manual_seed(seed)
        if len(self._shapes) == 2:
            return torch.zeros(sum(shape.numel() for shape in self._shapes))
        drawn = []
        for weight, bias in zip(self._shapes[::2], self._shapes[1::2], strict=True):
            bound = weight[1] ** -0.5
            drawn += [
                torch.rand(shape, generator=random).mul(2).sub(1).mul(bound).flatten() for shape in (weight, bias)
            ]
        return torch.cat(drawn)

    def hidden(self, theta: Tensor, x: Tensor) -> Tensor:
        """The last hidden layer's activations of ``x`` (N, F); of a linear model the points themselves."""
        for weight, bias in self._layers(theta)[:-1]:
            x = F.leaky_relu(F.linear(x, weight, bias), SLOPE)
        return x

    def output(self, theta: Tensor, x: Tensor) -> Tensor:
        """What the network with the parameters ``theta`` makes of ``x`` (N, F)."""
        return F.linear(self.hidden(theta, x), *self._layers(theta)[-1])

    def _layers(self, theta: Tensor) -> list[tuple[Tensor, Tensor]]:
        sizes = [shape.numel() for shape in self._shapes]
        parts = [part.view(shape) for part, shape in zip(theta.split(sizes), self._shapes, strict=True)]
        return list(zip(parts[::2], parts[1::2], strict=True))


class Surrogate(Perceptron):
    """A classifier, trained by cross-entropy and half the squared norm of its parameters times ``l2``."""

    def __init__(self, features: int, widths: Sequence[int], classes: int, l2: float) -> None:
        super().__init__([features, *widths, classes])
        self._l2 = l2

    def loss(self, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Mean cross-entropy of the points ``x`` (N, F) and labels ``y`` (N,)."""
        return F.cross_entropy(self.output(theta, x), y)

    def objective(self, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """What its training minimises: `loss`, and the squared norm."""
        return self.loss(theta, x, y) + self._l2 / 2 * theta.square().sum()

    def fitted(self, theta: Tensor, x: Tensor, y: Tensor, steps: int) -> Tensor:
        """``theta`` after at most so many ``steps`` of L-BFGS."""
        theta = theta.detach().clone().requires_grad_()
        solver = torch.optim.LBFGS([theta], max_iter=steps, history_size=20, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            solver.zero_grad()
            value = self.objective(theta, x, y)
            value.backward()
            return value

        solver.step(closure)
        return theta.detach()

    def hessian_product(self, theta: Tensor, x: Tensor, y: Tensor) -> Product:
        """The product of the Hessian of `objective` at ``theta`` with a vector (D,)."""
        return lambda vector: grad(lambda at: self.along(at, x, y, vector))(theta)

    def along(self, theta: Tensor, x: Tensor, y: Tensor, direction: Tensor) -> Tensor:
        """The derivative of `objective` at ``theta`` along ``direction`` (D,)."""
        slope: Tensor = grad(lambda at: self.objective(at, x, y))(theta).dot(direction)
        return slope


class Adam:
    """Adam (Kingma & Ba 2015, Algorithm 1) on one tensor, with a learning rate that may differ by step."""

    def __init__(self, like: Tensor) -> None:
        self.first, self.second = torch.zeros_like(like), torch.zeros_like(like)

    def step(self, gradient: Tensor, number: int, learning_rate: float) -> Tensor:
        """What to add at step ``number``, from 1, to descend."""
        self.first = 0.9 * self.first + 0.1 * gradient
        self.second = 0.999 * self.second + 0.001 * gradient.square()
        mean, spread = self.first / (1 - 0.9**number), (self.second / (1 - 0.999**number)).sqrt()
        return -learning_rate * mean / (spread + 1e-8)

    def state(self) -> dict[str, Tensor]:
        """Its averages."""
        return {"first": self.first, "second": self.second}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Continue from `state`."""
        self.first, self.second = tensors["first"], tensors["second"]


def conjugate_gradients(product: Product, wanted: Tensor, steps: int) -> Tensor:
    """A solution s of ``product(s) = wanted`` after at most so many ``steps``.

    Ends early where the residual is below `TOLERANCE` of ``wanted``'s norm, or where the curvature is not positive, as
    may be of a network: a descent direction so far.
    """
    found, residual = torch.zeros_like(wanted), wanted.clone()
    direction, square = residual.clone(), residual.dot(residual)
    enough = TOLERANCE**2 * square
    for _ in range(steps):
        if square <= enough:
            break
        curved = product(direction)
        curvature = direction.dot(curved)
        if curvature <= 0:
            break
        found = found + square / curvature * direction
        residual = residual - square / curvature * curved
        square, before = residual.dot(residual), square
        direction = residual + square / before * direction
    return found
