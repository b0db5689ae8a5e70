"""pGAN (Sections 3.2 and 3.3, Algorithm 1), on a stack of replicates.

Shapes: R replicates (members of the stack), B batch (the paper's m), Z noise features, F point features, N points.
Logits in place of Table 3's sigmoid outputs. Each step's loss is summed over the members, whose parameters are
disjoint, so every member descends its own loss.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from pgan_ray.attacks.engines.average import WeightAverage
from pgan_ray.attacks.engines.pgan_work import SAMPLED_AT_ONCE
from pgan_ray.attacks.interface import Member, TrainingPoint
from pgan_ray.attacks.pgan import PGanAttack, PGanConfig
from pgan_ray.data import TaskData
from pgan_ray.nn import (
    Passes,
    Repeated,
    StackedMLP,
    StackOptimizer,
    arithmetic,
    cross_entropy,
    cross_entropy_gradient,
    soft_targets,
)
from pgan_ray.spec.network import NetworkSpec
from pgan_ray.spec.seeds import torch_seed

METRICS = PGanAttack.metrics
COUNTED_AT_ONCE = 64  # iterations' logits that are kept until metrics are made of them, by one operator for all


class PGan:
    """The three networks of every member, their optimisers, and Algorithm 1."""

    def __init__(
        self,
        spec: PGanConfig,
        members: Sequence[Member],
        task: TaskData,
        *,
        device: torch.device,
        precision: str = "float32",
    ) -> None:
        """``spec`` gives the shape that all members share; its alpha and lambda_prior yield to the members'."""
        self.spec, self.members, self.device, self.precision = spec, tuple(members), device, precision
        players = [_weights(member) for member in members]
        self.poison_label = task.poison_label
        self.iteration = 0
        self.diverged_at: dict[int, int] = {}  # replicate -> iteration at which a non-finite loss was seen

        self._genuine_x = task.train_x.to(device)
        self._genuine_y = task.train_y.to(device)
        self._poison_class_x = task.poison_class_x.to(device)

        self.generator = self._make_generator(task)
        self.discriminator = self._make_critic(spec.discriminator, "discriminator", task.features, 1)
        outputs = 1 if len(task.classes) == 2 else len(task.classes)
        self.classifier = self._make_critic(spec.classifier, "classifier", task.features, outputs)
        self._networks: dict[str, StackedMLP] = {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "classifier": self.classifier,
        }
        self._passes = {name: Passes(network, precision) for name, network in self._networks.items()}
        self._optimizers = {
            name: StackOptimizer(getattr(spec, name).optimizer, passes) for name, passes in self._passes.items()
        }
        self._average = WeightAverage(self.generator, spec.average_decay) if spec.sample_from == "average" else None
        self._set_up_losses(task, outputs, players)
        self._random = torch.Generator(device).manual_seed(
            torch_seed(members[0].seed, "pgan", "stack", *(m.replicate for m in members))
        )
        self._sums = torch.zeros(len(METRICS), len(members), device=device)
        self._summed = 0
        self._repeated = Repeated(self._random)

    def _set_up_losses(self, task: TaskData, outputs: int, players: Sequence[tuple[float, float]]) -> None:
        """Targets, and the weights (R, B or 2 B, 1) of the points in each network's loss."""
        spec, device, members = self.spec, self.device, len(self.members)
        labels = torch.full((members, spec.batch_size), task.poison_label, device=device)
        self._poison_targets = soft_targets(labels, outputs)
        own = spec.classifier_label_smoothing
        smoothing = spec.label_smoothing if own is None else own
        self._genuine_targets = soft_targets(self._genuine_y, outputs, smoothing)
        genuine, poison = torch.ones_like(labels), torch.zeros_like(labels)
        self._genuine_judgement = soft_targets(genuine, 1)
        self._discriminator_targets = soft_targets(torch.cat((genuine, poison), dim=1), 1, spec.label_smoothing)

        def weights(*of_batches: Tensor) -> Tensor:
            columns = [(w / spec.batch_size).view(-1, 1, 1).expand(-1, spec.batch_size, 1) for w in of_batches]
            return torch.cat(columns, dim=1)

        alpha = torch.tensor([alpha for alpha, _ in players], device=device)
        self._lambda = torch.tensor([lambda_prior * task.poison_prior for _, lambda_prior in players], device=device)
        # A critic whose loss is weighted by zero does not move G, yet is trained, on the unweighted loss: its
        # curves stay meaningful.
        of_d = torch.where(alpha == 0, 1.0, alpha)
        of_c = torch.where(alpha == 1, 1.0, 1 - alpha)
        self._discriminator_weights = weights(of_d, of_d)
        self._classifier_weights = weights(of_c * (1 - self._lambda), of_c * self._lambda)
        in_objective = self._lambda if spec.generator_loss == "objective3" else 1.0
        self._generator_weights = weights(alpha), weights((1 - alpha) * in_objective)

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
            mean = task.poison_class_x.mean(0)
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
        seen: list[tuple[Tensor, ...]] = []
        with torch.inference_mode(), arithmetic(self.precision, self.device):
            for _ in range(iterations):
                seen.append(self._repeated(self._iteration))
                if len(seen) == COUNTED_AT_ONCE:
                    self._count(seen)
                    seen = []
            self._count(seen)
        self.iteration += iterations

    def _iteration(self) -> tuple[Tensor, ...]:
        """What the last steps of D, C and G returned."""
        d_steps, c_steps = self.spec.discriminator_steps, self.spec.classifier_steps
        # G stands still while D and C take their steps: one pass makes the poison of them all.
        poison = self._make_poison(d_steps + c_steps, taped=False).split(self.spec.batch_size, dim=1)
        for step in range(d_steps):
            of_discriminator = self._discriminator_step(poison[step])
        for step in range(c_steps):
            of_classifier = self._classifier_step(poison[d_steps + step])
        for _ in range(self.spec.generator_steps):
            of_generator = self._generator_step()
        return of_discriminator, *of_classifier, *of_generator

    def _make_poison(self, batches: int, *, taped: bool) -> Tensor:
        """(R, ``batches`` * B, F) points of G in training behaviour."""
        shape = (len(self.members), batches * self.spec.batch_size, self.spec.generator.noise_features)
        noise = torch.randn(shape, generator=self._random, device=self.device)
        return self._passes["generator"].forward(noise, self._random, batches=batches, taped=taped)

    def _rows(self, choices: int) -> Tensor:
        shape = (len(self.members), self.spec.batch_size)
        return torch.randint(choices, shape, generator=self._random, device=self.device)

    def _train_critic(self, name: str, genuine: Tensor, poison: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """One step on genuine points and poison; the critic's logits (R, 2 B, O) before it."""
        points = torch.cat((genuine.to(poison.dtype), poison), dim=1)
        logits = self._passes[name].forward(points, self._random).to(targets.dtype)
        self._descend(name, cross_entropy_gradient(logits, targets) * weights)
        return logits

    def _discriminator_step(self, poison: Tensor) -> Tensor:
        genuine = _take(self._poison_class_x, self._rows(len(self._poison_class_x)))
        # -log D(x) with the smoothed target, and -log(1 - D(G(z))).
        return self._train_critic(
            "discriminator", genuine, poison, self._discriminator_targets, self._discriminator_weights
        )

    def _classifier_step(self, poison: Tensor) -> tuple[Tensor, Tensor]:
        """The classifier's logits, and their targets."""
        rows = self._rows(len(self._genuine_x))
        targets = torch.cat((_take(self._genuine_targets, rows), self._poison_targets), dim=1)
        genuine = _take(self._genuine_x, rows)
        return self._train_critic("classifier", genuine, poison, targets, self._classifier_weights), targets

    def _generator_step(self) -> tuple[Tensor, Tensor]:
        """The logits (R, B, O) of discriminator and classifier on poison, before the step."""
        passes = self._passes
        poison = self._make_poison(1, taped=True)
        judged = passes["discriminator"].forward(poison, self._random).to(self._sums.dtype)
        on_poison = passes["classifier"].forward(poison, self._random).to(self._sums.dtype)
        # The non-saturating form of eq. (3): descend -alpha log D(G(z)) - (1 - alpha) [lambda] L_C(G(z)).
        d_weight, c_weight = self._generator_weights
        d_gradient = cross_entropy_gradient(judged, self._genuine_judgement)
        c_gradient = cross_entropy_gradient(on_poison, self._poison_targets)
        gradient = passes["discriminator"].input_gradient(d_gradient * d_weight)
        gradient -= passes["classifier"].input_gradient(c_gradient * c_weight)
        self._descend("generator", gradient)
        if self._average is not None:
            self._average.update()
        return judged, on_poison

    def _count(self, seen: list[tuple[Tensor, ...]]) -> None:
        """Add the metrics of iterations to the sums, from what `_iteration` returned."""
        if not seen:
            return
        of_d, of_c, c_targets, judged, on_poison = (torch.stack(logits) for logits in zip(*seen, strict=True))
        d_on_genuine, d_on_poison = _halves(cross_entropy(of_d, self._discriminator_targets))
        c_on_genuine, c_on_poison = _halves(cross_entropy(of_c, c_targets))
        d_losses = cross_entropy(judged, self._genuine_judgement)
        c_losses = cross_entropy(on_poison, self._poison_targets)
        d_weight, c_weight = (weight.squeeze(2) for weight in self._generator_weights)
        metrics = (
            d_on_genuine + d_on_poison,
            self._lambda * c_on_poison + (1 - self._lambda) * c_on_genuine,
            (d_losses * d_weight - c_losses * c_weight).sum(-1),
            judged.sigmoid().mean((-2, -1)),
            c_losses.mean(-1),
        )
        self._sums += torch.stack([metric.sum(0) for metric in metrics])
        self._summed += len(seen)

    def _descend(self, name: str, gradient: Tensor) -> None:
        """One step of a network's optimiser, from its loss's gradient by its output."""
        self._passes[name].backward(gradient, self._optimizers[name].step)

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
        """(R, ``points``, F) poisoning points on the CPU; noise and dropout are of each member's stream ``purpose``.

        From G's last weights or their average, as the spec says, in evaluation behaviour but for dropout if asked.
        """
        streams = [
            torch.Generator().manual_seed(torch_seed(m.seed, "pgan", m.replicate, *purpose)) for m in self.members
        ]
        features = self.spec.generator.noise_features
        noise = torch.stack([torch.randn(points, features, generator=stream) for stream in streams])
        network = self.sampling_generator()
        dropout = None
        if self.spec.sample_dropout:
            dropout = torch.Generator(self.device).manual_seed(torch_seed(streams[0].initial_seed(), "dropout"))
        parts = noise.split(SAMPLED_AT_ONCE, dim=1)
        return torch.cat([network(part.to(self.device), dropout=dropout).cpu() for part in parts], dim=1)

    def sampling_generator(self) -> StackedMLP:
        """The generator that poison is sampled from: the last weights or the average."""
        return self.generator if self._average is None else self._average.network

    def weights(self, index: int) -> dict[str, Tensor]:
        """The generator of the member at ``index`` that poison is sampled from."""
        return self.sampling_generator().member_state(index)

    def architecture(self) -> dict[str, object]:
        """What is needed beside `StackedMLP.member_state` to run a member's generator."""
        spec = self.spec.generator
        return {
            "kind": "mlp",
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
            tensors |= {f"{name}.optimizer.{key}": v for key, v in self._optimizers[name].tensors().items()}
        if self._average is not None:
            tensors |= {f"average.{key}": value for key, value in self._average.network.state_dict().items()}
        return {
            key: value.detach().cpu().clone(memory_format=torch.contiguous_format) for key, value in tensors.items()
        }

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
            self._passes[name].follow()
            self._optimizers[name].restore(optimizer)
        if self._average is not None:
            self._average.network.load_state_dict(_below(tensors, "average."))


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _weights(member: Member) -> tuple[float, float]:
    """alpha and lambda_prior, which may differ between the members of a stack."""
    assert isinstance(member.config, PGanConfig)
    return member.config.alpha, member.config.lambda_prior


def _is_finite(value: float) -> bool:
    return value - value == 0


def _take(points: Tensor, rows: Tensor) -> Tensor:
    """``points[rows]``, (R, B, ...), by the faster operator."""
    return points.index_select(0, rows.flatten()).view(*rows.shape, *points.shape[1:])


def _halves(losses: Tensor) -> tuple[Tensor, Tensor]:
    """Means (..., R) over the genuine points and over the poison, which follows them, of ``losses`` (..., R, 2 B)."""
    on_genuine, on_poison = losses.unflatten(-1, (2, -1)).mean(-1).unbind(-1)
    return on_genuine, on_poison
