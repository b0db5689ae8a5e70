"""Algorithm 1 of the paper as a plain loop over plain networks: one member, no stack, no vectorisation.

It shares nothing with `pgan_ray.attacks` but the order of the random draws: first the noise of all steps of D and C at
once, with G's dropout; then of each step of D and C the rows of the genuine points and the dropout; then of each step
of G its noise and the dropout of G, D and C.
"""

import torch
from torch import Tensor, nn

from pgan_ray.attacks.engines.pgan import PGan
from pgan_ray.attacks.pgan import PGanConfig
from pgan_ray.data import TaskData
from pgan_ray.spec.network import OptimizerSpec
from tests.science import Draws, PlainNetwork


class Oracle:
    """Starts from the weights and the random state of one member of ``stack``, and goes its own way."""

    def __init__(self, spec: PGanConfig, task: TaskData, stack: PGan, member: int = 0) -> None:
        self.spec, self.task = spec, task
        self.alpha = stack.members[member].config.alpha
        share = sum(label == task.poison_label for label in task.train_y.tolist()) / len(task.train_y)
        self.lambda_ = stack.members[member].config.lambda_prior * share
        random = torch.Generator()
        random.set_state(stack.state()["random"])
        self.draws = Draws(random, len(stack.members), member)
        self.g = self._network(spec.generator, stack.generator.member_state(member), spec.generator.output)
        self.d = self._network(spec.discriminator, stack.discriminator.member_state(member))
        self.c = self._network(spec.classifier, stack.classifier.member_state(member))
        self.g_optimizer = plain_optimizer(spec.generator.optimizer, self.g)
        self.d_optimizer = plain_optimizer(spec.discriminator.optimizer, self.d)
        self.c_optimizer = plain_optimizer(spec.classifier.optimizer, self.c)
        self.average = self.g.state()
        self.history: dict[str, list[float]] = {}

    def _network(self, spec, state, output: str = "linear") -> PlainNetwork:
        return PlainNetwork(
            state, negative_slope=spec.negative_slope, dropout=spec.dropout, output=output, draws=self.draws
        )

    def train(self, iterations: int) -> None:
        for _ in range(iterations):
            steps = self.spec.discriminator_steps + self.spec.classifier_steps
            poison = iter(self.g(self._noise(steps), steps).detach().chunk(steps))
            for _ in range(self.spec.discriminator_steps):
                d_loss = self._discriminator_step(next(poison))
            for _ in range(self.spec.classifier_steps):
                c_loss = self._classifier_step(next(poison))
            for _ in range(self.spec.generator_steps):
                g_loss, score, poison_loss = self._generator_step()
            for name, value in (
                ("discriminator_loss", d_loss),
                ("classifier_loss", c_loss),
                ("generator_loss", g_loss),
                ("discriminator_score", score),
                ("classifier_poison_loss", poison_loss),
            ):
                self.history.setdefault(name, []).append(value.item())

    def metrics(self) -> dict[str, float]:
        return {name: sum(values) / len(values) for name, values in self.history.items()}

    def _noise(self, batches: int = 1) -> Tensor:
        return self.draws.noise(batches * self.spec.batch_size, self.spec.generator.noise_features)

    def _discriminator_step(self, poison: Tensor) -> Tensor:
        m = self.spec.batch_size
        of_poison_class = self.task.train_x[self.task.train_y == self.task.poison_label]
        genuine = of_poison_class[self.draws.rows(m, len(of_poison_class))]
        d = self.d(torch.cat((genuine, poison))).sigmoid().squeeze(1)
        smoothed = 1 - self.spec.label_smoothing
        on_genuine = -(smoothed * d[:m].log() + (1 - smoothed) * (1 - d[:m]).log())
        loss = on_genuine.mean() - (1 - d[m:]).log().mean()
        step(self.d_optimizer, loss if self.alpha == 0 else self.alpha * loss)
        return loss

    def _classifier_step(self, poison: Tensor) -> Tensor:
        m = self.spec.batch_size
        rows = self.draws.rows(m, len(self.task.train_x))
        logits = self.c(torch.cat((self.task.train_x[rows], poison)))
        own = self.spec.classifier_label_smoothing
        smoothing = self.spec.label_smoothing if own is None else own
        genuine_loss = self._classifier_loss(logits[:m], self.task.train_y[rows], smoothing)
        loss = self.lambda_ * self._poison_loss(logits[m:]) + (1 - self.lambda_) * genuine_loss
        step(self.c_optimizer, loss if self.alpha == 1 else (1 - self.alpha) * loss)
        return loss

    def _poison_loss(self, logits: Tensor) -> Tensor:
        return self._classifier_loss(logits, torch.full((len(logits),), self.task.poison_label), 0.0)

    def _classifier_loss(self, logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
        if len(self.task.classes) > 2:
            return nn.CrossEntropyLoss(label_smoothing=smoothing)(logits, labels)
        targets = torch.where(labels == 1, 1.0 - smoothing, 0.0)
        return nn.BCELoss()(logits.sigmoid().squeeze(1), targets)

    def _generator_step(self) -> tuple[Tensor, Tensor, Tensor]:
        poison = self.g(self._noise())
        d = self.d(poison).sigmoid().squeeze(1)
        poison_loss = self._poison_loss(self.c(poison))
        c_weight = self.lambda_ if self.spec.generator_loss == "objective3" else 1.0
        loss = -self.alpha * d.log().mean() - (1 - self.alpha) * c_weight * poison_loss
        step(self.g_optimizer, loss)
        for name, value in self.g.state().items():
            self.average[name] = self.spec.average_decay * self.average[name] + (1 - self.spec.average_decay) * value
        return loss, d.mean(), poison_loss


def plain_optimizer(spec: OptimizerSpec, network: nn.Module) -> torch.optim.Optimizer:
    if spec.name == "sgd":
        return torch.optim.SGD(network.parameters(), lr=spec.learning_rate, momentum=spec.momentum, foreach=False)
    return torch.optim.Adam(network.parameters(), lr=spec.learning_rate, betas=spec.betas, foreach=False)


def step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
