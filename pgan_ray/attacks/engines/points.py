"""A set of poisoning points that moves, one replicate's. Shapes: P poisoning points, F features, D parameters."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from pgan_ray.attacks.engines.surrogate import Surrogate
from pgan_ray.attacks.interface import Member, TrainingPoint
from pgan_ray.attacks.optimised import OptimisedAttack
from pgan_ray.data import TaskData
from pgan_ray.spec.seeds import numpy_generator, torch_seed


class MovedPoints:
    """A `pgan_ray.attacks.Training` of one member. What is particular to an attack is in `move`.

    The surrogate's training set, the validation points and the points that become poison are disjoint draws from the
    attacker's task. The evaluation draws from the same training points, so a victim may be given some of these, with
    their own labels. Poison stays between the least and the greatest value that a feature has among its points.
    """

    def __init__(self, attack: OptimisedAttack, member: Member, task: TaskData, device: torch.device) -> None:
        self.config, self.device = attack.config, device
        self.members: tuple[Member, ...] = (member,)
        self.iteration, self.diverged_at = 0, dict[int, int]()
        self._names = attack.metrics
        self._sums, self._summed = [0.0] * len(self._names), 0
        draws = _Draws(task, numpy_generator(member.seed, attack.name, member.replicate, "points"))
        classes, poison = len(task.classes), task.poison_label
        per_class = self.config.per_class(classes)
        kept = [per_class - self.config.points * (label == poison) for label in range(classes)]
        self.genuine_x, self.genuine_y = (part.to(device) for part in draws.take(kept))
        valid = [self.config.validation_per_class * self._counts(label, task) for label in range(classes)]
        self.validation_x, self.validation_y = (part.to(device) for part in draws.take(valid))
        moved = task.source_label if attack.starts_at == "source" else poison
        self.x = draws.take([self.config.points * (label == moved) for label in range(classes)])[0].to(device)
        self.y = torch.full((len(self.x),), poison, device=device)
        self.low, self.high = (part.to(device) for part in (task.train_x.amin(0), task.train_x.amax(0)))

    def _counts(self, label: int, task: TaskData) -> bool:
        return self.config.objective == "all" or label == task.source_label

    @property
    def poisoned(self) -> tuple[Tensor, Tensor]:
        """The surrogate's training set: genuine points, then poison; and its labels."""
        return self.beside_genuine(self.x)

    def beside_genuine(self, poison: Tensor) -> tuple[Tensor, Tensor]:
        """`poisoned`, by other ``poison``, at most as many points."""
        return torch.cat((self.genuine_x, poison)), torch.cat((self.genuine_y, self.y[: len(poison)]))

    def move(self) -> Sequence[float]:
        """Move the points once, and give the attack's metrics in their order."""
        raise NotImplementedError

    @property
    def left(self) -> float:
        """The share of the iterations that is not over."""
        return 1 - self.iteration / self.config.iterations

    def climb(self, gradient: Tensor) -> None:
        """Move each point along its row of ``gradient`` (P, F), by the length that this iteration has."""
        lengths = gradient.norm(dim=1, keepdim=True)
        directions = torch.where(lengths > 0, gradient / lengths, 0)
        self.x = self.held(self.x + self.config.step_size * self.left * directions)

    def held(self, x: Tensor) -> Tensor:
        """The points ``x`` (P, F), held to what is allowed."""
        return torch.minimum(torch.maximum(x, self.low), self.high)

    def train(self, iterations: int) -> None:
        """Go on for so many ``iterations``."""
        for _ in range(iterations):
            metrics = self.move()
            self.iteration += 1
            self._sums = [total + value for total, value in zip(self._sums, metrics, strict=True)]
            self._summed += 1
            self._look()

    def _look(self) -> None:
        replicate = self.members[0].replicate
        if replicate not in self.diverged_at and not (np.isfinite(self._sums).all() and self.x.isfinite().all()):
            self.diverged_at[replicate] = self.iteration

    def report(self) -> list[TrainingPoint]:
        """The metrics since the last report."""
        means = {name: total / max(1, self._summed) for name, total in zip(self._names, self._sums, strict=True)}
        self._sums, self._summed = [0.0] * len(self._names), 0
        return [TrainingPoint(self.members[0].replicate, self.iteration, means)]

    def sample(self, points: int, *purpose: str | int) -> Tensor:
        """(1, ``points``, F) of the set, in an order drawn from the stream ``purpose``; no more than there are."""
        member = self.members[0]
        random = numpy_generator(member.seed, self.config.name, member.replicate, *purpose)
        return self.x[torch.from_numpy(random.permutation(len(self.x))[:points]).to(self.device)].cpu()[None]

    def weights(self, index: int) -> dict[str, Tensor]:
        """The points."""
        return {"points": self.x.cpu()}

    def architecture(self) -> dict[str, object]:
        """A set of points is no network."""
        return {"kind": "points"}

    def state(self) -> dict[str, Tensor]:
        """The points, how far they are, and what `own_state` adds."""
        counts = torch.tensor([self.iteration, self._summed, self.diverged_at.get(self.members[0].replicate, -1)])
        sums = torch.tensor(self._sums, dtype=torch.float64)
        own = {name: value.cpu().clone() for name, value in self.own_state().items()}
        return {"points": self.x.cpu().clone(), "counts": counts, "sums": sums, **own}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Continue from `state`."""
        self.x = tensors["points"].to(self.device)
        self.iteration, self._summed, diverged_at = (int(count) for count in tensors["counts"])
        self.diverged_at = {} if diverged_at < 0 else {self.members[0].replicate: diverged_at}
        self._sums = tensors["sums"].tolist()
        self.load_own_state({name: tensors[name].to(self.device) for name in self.own_state()})

    def own_state(self) -> dict[str, Tensor]:
        """What this attack needs to go on, beside the points."""
        return {}

    def load_own_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Continue from `own_state`."""


class SurrogatePoints(MovedPoints):
    """One replicate's points, and the surrogate, with its parameters ``theta`` (D,), by whose gradients they move."""

    def __init__(self, attack: OptimisedAttack, member: Member, task: TaskData, device: torch.device) -> None:
        super().__init__(attack, member, task, device)
        spec = attack.surrogate
        assert spec is not None  # these attacks have one
        self.surrogate = Surrogate(task.features, spec.widths, len(task.classes), spec.l2)
        seed = torch_seed(member.seed, attack.name, member.replicate, "surrogate")
        self.theta = self.surrogate.initial(seed).to(self.x)

    def fit_to_genuine(self, fits: int, steps: int) -> None:
        """Fit the surrogate to the genuine points, ``fits`` times by so many ``steps``."""
        for _ in range(fits):
            self.theta = self.surrogate.fitted(self.theta, self.genuine_x, self.genuine_y, steps)

    def validation_loss(self, theta: Tensor) -> Tensor:
        """That of a surrogate with the parameters ``theta`` (D,)."""
        return self.surrogate.loss(theta, self.validation_x, self.validation_y)


class _Draws:
    """Disjoint draws from a task's training points."""

    def __init__(self, task: TaskData, random: np.random.Generator) -> None:
        self._task = task
        self._left = [random.permutation(np.flatnonzero(task.train_y == label)) for label in range(len(task.classes))]

    def take(self, counts: Sequence[int]) -> tuple[Tensor, Tensor]:
        """So many points of each class that nobody has yet, and their labels."""
        rows = torch.from_numpy(np.concatenate([left[:n] for left, n in zip(self._left, counts, strict=True)]))
        self._left = [left[n:] for left, n in zip(self._left, counts, strict=True)]
        return self._task.train_x[rows], self._task.train_y[rows]
