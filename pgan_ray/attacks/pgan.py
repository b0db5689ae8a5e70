"""pGAN (Sections 3.2 and 3.3, Algorithm 1), on a stack of replicates.

Shapes: R replicates (members of the stack), B batch (the paper's m), Z noise features, F point features, N points.
Logits in place of Table 3's sigmoid outputs. Each step's loss is summed over the members, whose parameters are
disjoint, so every member descends its own loss.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pgan_ray.attacks.average import WeightAverage
from pgan_ray.data import TaskData
from pgan_ray.nn import (
    StackedMLP,
    arithmetic,
    classification_loss,
    make_optimizer,
    optimizer_tensors,
    restore_optimizer,
)
from pgan_ray.spec.attack import AttackSpec
from pgan_ray.spec.network import NetworkSpec
from pgan_ray.spec.seeds import torch_seed

# Means over the iterations since the last report, in this order; of each iteration, its last step of D, C and G.
METRICS = (
    "discriminator_loss",
    "classifier_loss",
    "generator_loss",
    "discriminator_score",
    "classifier_poison_loss",
)


@dataclass(frozen=True)
class Member:
    """One replicate of a stack: what may differ between members."""

    replicate: int
    alpha: float
    lambda_prior: float
    seed: int


@dataclass(frozen=True)
class TrainingPoint:
    """The training metrics of one member, averaged over the iterations since the previous point."""

    replicate: int
    iteration: int
    metrics: dict[str, float]


class PGan:
    """The three networks of every member, their optimisers, and Algorithm 1."""

    def __init__(
        self,
        spec: AttackSpec,
        members: Sequence[Member],
        task: TaskData,
        *,
        device: torch.device,
        precision: str = "float32",
    ) -> None:
        """``spec`` gives the shape that all members share; its alpha and lambda_prior yield to the members'."""
        self.spec, self.members, self.device, self.precision = spec, tuple(members), device, precision
        self.poison_label = task.poison_label
        self.iteration = 0
        self.diverged_at: dict[int, int] = {}  # replicate -> iteration at which a non-finite loss was seen

        self._genuine_x = task.train_x.to(device)
        self._genuine_y = task.train_y.to(device)
        self._poison_class_rows = torch.nonzero(self._genuine_y == task.poison_label).squeeze(1)

        self.generator = self._make_generator(task)
        self.discriminator = self._make_critic(spec.discriminator, "discriminator", task.features, 1)
        outputs = 1 if len(task.classes) == 2 else len(task.classes)
        self.classifier = self._make_critic(spec.classifier, "classifier", task.features, outputs)
        self._networks: dict[str, StackedMLP] = {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "classifier": self.classifier,
        }
        self._optimizers = {
            name: make_optimizer(getattr(spec, name).optimizer, network.parameters())
            for name, network in self._networks.items()
        }
        self._average = WeightAverage(self.generator, spec.average_decay) if spec.sample_from == "average" else None

        alpha = torch.tensor([m.alpha for m in members], device=device)
        self._alpha = alpha
        # A critic whose loss is weighted by zero does not move G, yet is trained, on the unweighted loss: its
        # curves stay meaningful.
        self._discriminator_weight = torch.where(alpha == 0, 1.0, alpha)
        self._classifier_weight = torch.where(alpha == 1, 1.0, 1 - alpha)
        self._lambda = torch.tensor([m.lambda_prior * task.poison_prior for m in members], device=device)

        self._random = torch.Generator(device).manual_seed(
            torch_seed(members[0].seed, "pgan", "stack", *(m.replicate for m in members))
        )
        self._sums = torch.zeros(len(METRICS), len(members), device=device)
        self._summed = 0

    def _initial(self, network: str) -> list[torch.Generator]:
        return [
            torch.Generator().manual_seed(torch_seed(m.seed, "pgan", m.replicate, "init", network))
            for m in self.members
        ]

    def _make_generator(self, task: TaskData) -> StackedMLP:
        spec = self.spec.generator
        network = StackedMLP(
            spec.noise_features,
            spec.widths,
            task.features,
            initial=self._initial("generator"),
            dropout=spec.dropout,
            negative_slope=spec.negative_slope,
            batch_norm=spec.batch_norm,
            output=spec.output,
        )
        if spec.output_start == "class_mean":
            mean = task.poison_points.mean(0)
            if spec.output == "tanh":
                mean = mean.clamp(-0.999, 0.999).atanh()
            with torch.no_grad():
                weight, bias = network.layers[-1].parameters()
                weight.mul_(0.1)
                bias.copy_(mean)
        return network.to(self.device)

    def _make_critic(self, spec: NetworkSpec, name: str, inputs: int, outputs: int) -> StackedMLP:
        return StackedMLP(
            inputs,
            spec.widths,
            outputs,
            initial=self._initial(name),
            dropout=spec.dropout,
            negative_slope=spec.negative_slope,
        ).to(self.device)

    def train(self, iterations: int) -> None:
        """Run ``iterations`` iterations of Algorithm 1. Nothing leaves the device."""
        with arithmetic(self.precision, self.device):
            for _ in range(iterations):
                for _ in range(self.spec.discriminator_steps):
                    discriminator_loss = self._discriminator_step()
                for _ in range(self.spec.classifier_steps):
                    classifier_loss = self._classifier_step()
                for _ in range(self.spec.generator_steps):
                    generator_metrics = self._generator_step()
                self._sums += torch.stack((discriminator_loss, classifier_loss, *generator_metrics))
                self._summed += 1
        self.iteration += iterations

    def _noise(self) -> Tensor:
        shape = (len(self.members), self.spec.batch_size, self.spec.generator.noise_features)
        return torch.randn(shape, generator=self._random, device=self.device)

    def _poison(self) -> Tensor:
        with torch.no_grad():
            poison: Tensor = self.generator(self._noise(), self._random)
        return poison

    def _rows(self, choices: int) -> Tensor:
        shape = (len(self.members), self.spec.batch_size)
        return torch.randint(choices, shape, generator=self._random, device=self.device)

    def _discriminator_step(self) -> Tensor:
        poison = self._poison()
        genuine = self._genuine_x[self._poison_class_rows[self._rows(len(self._poison_class_rows))]]
        logits = self.discriminator(torch.cat((genuine, poison), dim=1), self._random).squeeze(-1)
        on_genuine, on_poison = logits.split(self.spec.batch_size, dim=1)
        # -log D(x) with the smoothed target, and -log(1 - D(G(z))).
        target = torch.full_like(on_genuine, 1.0 - self.spec.label_smoothing)
        loss = F.binary_cross_entropy_with_logits(on_genuine, target, reduction="none").mean(1)
        loss = loss + F.softplus(on_poison).mean(1)
        self._descend("discriminator", self._discriminator_weight * loss)
        return loss.detach()

    def _classifier_step(self) -> Tensor:
        poison = self._poison()
        rows = self._rows(len(self._genuine_x))
        logits = self.classifier(torch.cat((self._genuine_x[rows], poison), dim=1), self._random)
        on_genuine, on_poison = logits.split(self.spec.batch_size, dim=1)
        genuine_loss = classification_loss(on_genuine, self._genuine_y[rows], self.spec.label_smoothing).mean(1)
        loss = self._lambda * self._poison_loss(on_poison) + (1 - self._lambda) * genuine_loss
        self._descend("classifier", self._classifier_weight * loss)
        return loss.detach()

    def _poison_loss(self, logits: Tensor) -> Tensor:
        labels = torch.full(logits.shape[:2], self.poison_label, device=self.device)
        return classification_loss(logits, labels).mean(1)

    def _generator_step(self) -> tuple[Tensor, Tensor, Tensor]:
        with _frozen(self.discriminator, self.classifier):
            poison = self.generator(self._noise(), self._random)
            judged = self.discriminator(poison, self._random).squeeze(-1)
            poison_loss = self._poison_loss(self.classifier(poison, self._random))
        # The non-saturating form of eq. (3): descend -alpha log D(G(z)) - (1 - alpha) [lambda] L_C(G(z)).
        weight = self._lambda if self.spec.generator_loss == "objective3" else 1.0
        loss = self._alpha * F.softplus(-judged).mean(1) - (1 - self._alpha) * weight * poison_loss
        self._descend("generator", loss)
        if self._average is not None:
            self._average.update()
        return loss.detach(), judged.detach().sigmoid().mean(1), poison_loss.detach()

    def _descend(self, name: str, loss: Tensor) -> None:
        optimizer = self._optimizers[name]
        optimizer.zero_grad(set_to_none=True)
        loss.sum().backward()
        optimizer.step()

    def report(self) -> list[TrainingPoint]:
        """The members' metrics since the last report; marks members with a non-finite one as diverged."""
        means = (self._sums / max(self._summed, 1)).T.tolist()
        self._sums.zero_()
        self._summed = 0
        points = []
        for member, values in zip(self.members, means, strict=True):
            point = TrainingPoint(member.replicate, self.iteration, dict(zip(METRICS, values, strict=True)))
            if not all(map(_is_finite, values)):
                self.diverged_at.setdefault(member.replicate, self.iteration)
            points.append(point)
        return points

    @torch.no_grad()
    def sample(self, points: int, *purpose: str | int) -> Tensor:
        """(R, ``points``, F) poisoning points on the CPU; the noise is drawn from each member's stream ``purpose``.

        From G's last weights or their average, as the spec says, in evaluation behaviour.
        """
        noise = torch.stack(
            [
                torch.randn(
                    points,
                    self.spec.generator.noise_features,
                    generator=torch.Generator().manual_seed(torch_seed(m.seed, "pgan", m.replicate, *purpose)),
                )
                for m in self.members
            ]
        )
        network = self.sampling_generator()
        return torch.cat([network(part.to(self.device)).cpu() for part in noise.split(1000, dim=1)], dim=1)

    def sampling_generator(self) -> StackedMLP:
        """The generator that poison is sampled from: the last weights or the average."""
        return self.generator if self._average is None else self._average.network

    def architecture(self) -> dict[str, object]:
        """What is needed beside `StackedMLP.member_state` to run a member's generator."""
        spec = self.spec.generator
        return {
            "noise_features": spec.noise_features,
            "layers": len(spec.widths) + 1,
            "negative_slope": spec.negative_slope,
            "batch_norm": spec.batch_norm,
            "output": spec.output,
        }

    def state(self) -> dict[str, Tensor]:
        """Everything that `load_state` needs to go on with the same bits, random state included, on the CPU."""
        tensors = {"random": self._random.get_state(), "sums": self._sums}
        tensors["counts"] = torch.tensor([self.iteration, self._summed])
        tensors["diverged_at"] = torch.tensor([self.diverged_at.get(m.replicate, -1) for m in self.members])
        for name, network in self._networks.items():
            tensors |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
            tensors |= {
                f"{name}.optimizer.{key}": value for key, value in optimizer_tensors(self._optimizers[name]).items()
            }
        if self._average is not None:
            tensors |= {f"average.{key}": value for key, value in self._average.network.state_dict().items()}
        return {key: value.detach().cpu().clone() for key, value in tensors.items()}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Continue from `state`."""
        self._random.set_state(tensors["random"])
        self._sums.copy_(tensors["sums"])
        self.iteration, self._summed = (int(count) for count in tensors["counts"])
        self.diverged_at = {
            member.replicate: int(iteration)
            for member, iteration in zip(self.members, tensors["diverged_at"], strict=True)
            if iteration >= 0
        }
        for name, network in self._networks.items():
            own = _below(tensors, f"{name}.")
            optimizer = _below(own, "optimizer.")
            network.load_state_dict({k: v for k, v in own.items() if not k.startswith("optimizer.")})
            restore_optimizer(self._optimizers[name], optimizer)
        if self._average is not None:
            self._average.network.load_state_dict(_below(tensors, "average."))


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _is_finite(value: float) -> bool:
    return value - value == 0


@contextmanager
def _frozen(*networks: nn.Module) -> Iterator[None]:
    """Within: no gradients for the networks' weights, only through them."""
    for network in networks:
        network.requires_grad_(False)
    try:
        yield
    finally:
        for network in networks:
            network.requires_grad_(True)
