"""Points that an autoencoder makes. Shapes: P poisoning points, F features, D parameters of the classifier, E of G."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.func import grad, grad_and_value

from pgan_ray.attacks.direct_generative import DirectGenerative
from pgan_ray.attacks.engines.points import SurrogatePoints
from pgan_ray.attacks.engines.surrogate import Adam, Perceptron
from pgan_ray.attacks.interface import Member
from pgan_ray.data import TaskData
from pgan_ray.spec.seeds import torch_seed


class GeneratedPoints(SurrogatePoints):
    """One replicate's G with the points that it starts from, and the classifier that learns from what it makes."""

    def __init__(self, attack: DirectGenerative, member: Member, task: TaskData, device: torch.device) -> None:
        super().__init__(attack, member, task, device)
        spec = attack.config.autoencoder
        self._learning_rate, self._step = spec.learning_rate, attack.config.learning_rate
        self.generator = Perceptron([task.features, *spec.widths, task.features])
        seed = torch_seed(member.seed, attack.name, member.replicate, "generator")
        self.weights_of_g = self.generator.initial(seed).to(self.x)
        self.inputs = self.x
        self._pretrain(spec.pretraining)
        self._adam = Adam(self.weights_of_g)
        self.x = self.made(self.weights_of_g)

    def _pretrain(self, steps: int) -> None:
        adam = Adam(self.weights_of_g)
        apart = grad(lambda at: (self.generator.output(at, self.inputs) - self.inputs).square().mean())
        for number in range(1, steps + 1):
            change = adam.step(apart(self.weights_of_g), number, self._learning_rate)
            self.weights_of_g = self.weights_of_g + change

    def made(self, weights: Tensor) -> Tensor:
        """(P, F): what G makes with ``weights`` (E,)."""
        return self.held(self.generator.output(weights, self.inputs))

    def move(self) -> Sequence[float]:
        """A step of the classifier on genuine points and G's, and one of G along what came of it."""
        slope, valid = grad_and_value(self.validation_loss_after_a_step)(self.weights_of_g)
        x, y = self.poisoned
        fitted = self.surrogate.loss(self.theta, x, y)
        self.theta = self._stepped(self.x)
        change = self._adam.step(-slope, self.iteration + 1, self._learning_rate)
        self.weights_of_g = self.weights_of_g + change
        self.x = self.made(self.weights_of_g)
        return float(valid), float(fitted)

    def validation_loss_after_a_step(self, weights: Tensor) -> Tensor:
        """Of the classifier, once it has taken a step on what G makes with ``weights`` (E,)."""
        return self.validation_loss(self._stepped(self.made(weights)))

    def _stepped(self, poison: Tensor) -> Tensor:
        x, y = self.beside_genuine(poison)
        descent: Tensor = grad(lambda at: self.surrogate.objective(at, x, y))(self.theta)
        return self.theta - self._step * descent

    def weights(self, index: int) -> dict[str, Tensor]:
        """G, and the points that it starts from."""
        return {"generator": self.weights_of_g.cpu(), "inputs": self.inputs.cpu()}

    def architecture(self) -> dict[str, object]:
        """What G is."""
        return {"kind": "autoencoder", "widths": list(self.config.autoencoder.widths)}  # type: ignore[attr-defined]

    def own_state(self) -> dict[str, Tensor]:
        """G, the classifier, and Adam's averages."""
        return {"generator": self.weights_of_g, "theta": self.theta, **self._adam.state()}

    def load_own_state(self, tensors: Mapping[str, Tensor]) -> None:
        """As `MovedPoints.load_own_state`."""
        self.weights_of_g, self.theta = tensors["generator"], tensors["theta"]
        self._adam.load_state(tensors)
