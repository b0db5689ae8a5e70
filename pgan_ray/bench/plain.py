"""The plain loops that a good engineer would write from the paper: `torch.nn`, `torch.optim`, one network at a time.

The yardstick of the benchmark, and the oracle of the stacks' tests: those pass a ``dropout`` that draws its masks
as the stacks do, and then every number must agree. Shapes: B batch, Z noise features, F point features, N points.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pgan_ray.attacks.pgan import PGanConfig
from pgan_ray.data import TaskData
from pgan_ray.spec import NetworkSpec, OptimizerSpec, TrainedNetworkSpec

MakeDropout = Callable[[float], nn.Module]


def plain_network(
    inputs: int, spec: NetworkSpec, outputs: int, *, batch_norm: bool = False, dropout: MakeDropout = nn.Dropout
) -> nn.Sequential:
    """Linear, [batch norm,] LeakyReLU, dropout for each hidden layer; linear out."""
    layers: list[nn.Module] = []
    for size_in, size_out in pairwise([inputs, *spec.widths]):
        layers.append(nn.Linear(size_in, size_out))
        if batch_norm:
            layers.append(nn.BatchNorm1d(size_out))
        layers += [nn.LeakyReLU(spec.negative_slope), dropout(spec.dropout)]
    return nn.Sequential(*layers, nn.Linear(spec.widths[-1] if spec.widths else inputs, outputs))


def plain_optimizer(spec: OptimizerSpec, network: nn.Module) -> torch.optim.Optimizer:
    """As `torch.optim` comes, not fused."""
    if spec.name == "sgd":
        return torch.optim.SGD(network.parameters(), lr=spec.learning_rate, momentum=spec.momentum)
    return torch.optim.Adam(network.parameters(), lr=spec.learning_rate, betas=spec.betas)


class PlainPGan:
    """Algorithm 1 for one replicate of a binary task."""

    def __init__(self, spec: PGanConfig, task: TaskData, *, seed: int, dropout: MakeDropout = nn.Dropout) -> None:
        self.spec, self.task = spec, task
        self.random = torch.Generator().manual_seed(seed)
        output: nn.Module = nn.Tanh() if spec.generator.output == "tanh" else nn.Identity()
        self.generator = nn.Sequential(
            *plain_network(
                spec.generator.noise_features,
                spec.generator,
                task.features,
                batch_norm=spec.generator.batch_norm,
                dropout=dropout,
            ),
            output,
        )
        self.discriminator = plain_network(task.features, spec.discriminator, 1, dropout=dropout)
        self.classifier = plain_network(task.features, spec.classifier, 1, dropout=dropout)
        self.generator_optimizer = plain_optimizer(spec.generator.optimizer, self.generator)
        self.discriminator_optimizer = plain_optimizer(spec.discriminator.optimizer, self.discriminator)
        self.classifier_optimizer = plain_optimizer(spec.classifier.optimizer, self.classifier)
        self.alpha, lambda_prior = spec.alpha, spec.lambda_prior
        self.poison_lambda = lambda_prior * task.poison_prior
        self._poison_class = task.poison_class_x

    def train(self, iterations: int) -> None:
        """Run Algorithm 1."""
        for _ in range(iterations):
            # Drawn as the stacks draw it: the noise of all steps of D and C at once.
            steps = self.spec.discriminator_steps + self.spec.classifier_steps
            noise = iter(self._noise(steps).chunk(steps))
            for _ in range(self.spec.discriminator_steps):
                self.discriminator_step(next(noise))
            for _ in range(self.spec.classifier_steps):
                self.classifier_step(next(noise))
            for _ in range(self.spec.generator_steps):
                self.generator_step()

    def _noise(self, batches: int = 1) -> Tensor:
        return torch.randn(batches * self.spec.batch_size, self.spec.generator.noise_features, generator=self.random)

    def _rows(self, choices: int) -> Tensor:
        return torch.randint(choices, (self.spec.batch_size,), generator=self.random)

    def discriminator_step(self, noise: Tensor) -> float:
        """One step of D on genuine points of the poison class and on poison; returns its unweighted loss."""
        with torch.no_grad():
            poison = self.generator(noise)
        genuine = self._poison_class[self._rows(len(self._poison_class))]
        on_genuine, on_poison = self.discriminator(torch.cat((genuine, poison))).squeeze(1).chunk(2)
        target = torch.full_like(on_genuine, 1 - self.spec.label_smoothing)
        loss = F.binary_cross_entropy_with_logits(on_genuine, target)
        loss = loss + F.binary_cross_entropy_with_logits(on_poison, torch.zeros_like(on_poison))
        weight = self.alpha or 1.0
        self.discriminator_optimizer.zero_grad()
        (weight * loss).backward()
        self.discriminator_optimizer.step()
        return float(loss.detach())

    def classifier_step(self, noise: Tensor) -> float:
        """One step of C on a mixture of genuine points of both classes and poison; returns its unweighted loss."""
        with torch.no_grad():
            poison = self.generator(noise)
        rows = self._rows(len(self.task.train_x))
        points = torch.cat((self.task.train_x[rows], poison))
        on_genuine, on_poison = self.classifier(points).squeeze(1).chunk(2)
        targets = self.task.train_y[rows].float() * (1 - self.spec.label_smoothing)
        genuine_loss = F.binary_cross_entropy_with_logits(on_genuine, targets)
        loss = self.poison_lambda * self._poison_loss(on_poison) + (1 - self.poison_lambda) * genuine_loss
        weight = 1 - self.alpha if self.alpha < 1 else 1.0
        self.classifier_optimizer.zero_grad()
        (weight * loss).backward()
        self.classifier_optimizer.step()
        return float(loss.detach())

    def generator_step(self) -> float:
        """One step of G in its non-saturating form; returns its loss."""
        poison = self.generator(self._noise())
        judged = self.discriminator(poison).squeeze(1)
        on_poison = self.classifier(poison).squeeze(1)
        weight = self.poison_lambda if self.spec.generator_loss == "objective3" else 1.0
        loss = self.alpha * F.binary_cross_entropy_with_logits(judged, torch.ones_like(judged))
        loss = loss - (1 - self.alpha) * weight * self._poison_loss(on_poison)
        self.generator_optimizer.zero_grad()
        loss.backward()
        self.generator_optimizer.step()
        return float(loss.detach())

    def _poison_loss(self, logits: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(self.task.poison_label)))


class PlainVictim:
    """One binary victim (Table 4)."""

    def __init__(
        self, spec: TrainedNetworkSpec, features: int, *, seed: int, dropout: MakeDropout = nn.Dropout
    ) -> None:
        self.spec = spec
        self.random = torch.Generator().manual_seed(seed)
        self.network = plain_network(features, spec, 1, dropout=dropout)
        self.optimizer = plain_optimizer(spec.optimizer, self.network)

    def train(self, x: Tensor, y: Tensor, epochs: int) -> None:
        """``epochs`` shuffled passes over the points ``x`` (N, F) with labels ``y`` (N,)."""
        for _ in range(epochs):
            order = torch.rand(len(x), generator=self.random).argsort()
            for rows in order.split(self.spec.batch_size):
                loss = F.binary_cross_entropy_with_logits(self.network(x[rows]).squeeze(1), y[rows].float())
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
