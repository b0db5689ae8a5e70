"""What an attack is. Shapes: N points, F features, R replicates.

Two kinds: those that are fitted to a task's points, and those whose generators are trained, in stage 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from pgan_ray.spec import AttackConfig, Component, EvaluationSpec

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from pgan_ray.cost import Work
    from pgan_ray.data import TaskData

Rows = npt.NDArray[np.int64]


class PoisonSource(Protocol):
    """An attack that is fitted to a task, and from which every run of the evaluation draws its poison."""

    def sample(self, points: int, random: np.random.Generator, used: Rows) -> "Tensor":
        """(``points``, F) poisoning points, labelled as the poison class by whoever places them.

        ``used``: the rows of the task's training points that this run's detectors and victims were given; none of
        them comes back as poison. A larger draw from the same stream begins with the smaller one.

        Raises:
            DataError: the attack has fewer points to give.
        """


class NoPoison:
    """A `PoisonSource` that gives no point, however many are asked for."""

    def __init__(self, task: "TaskData") -> None:
        self._none = task.train_x[:0]

    def sample(self, points: int, random: np.random.Generator, used: Rows) -> "Tensor":
        """(0, F) points."""
        return self._none


class Attack(Component):
    """An attack that takes its poison from the data."""

    Config: ClassVar[type[AttackConfig]] = AttackConfig
    is_trained: ClassVar[bool] = False
    is_control: ClassVar[bool] = False
    """Whether it is no attack, but what attacks are compared with."""

    def __init__(self, config: AttackConfig) -> None:
        self.config = config

    def parameters(self) -> dict[str, float]:
        """The numbers that rows and MLflow compare configurations by."""
        return {}

    def health(self, metrics: Mapping[str, float]) -> str:
        """What its last training ``metrics``, means over replicates, say about what its results are worth, in words.

        Empty where there is nothing to say against them.
        """
        return ""

    def check(self, task: "TaskData", evaluation: EvaluationSpec) -> None:
        """See, before anything starts, that it can be carried out on the victims' ``task``. Raises `DataError`."""

    def doubts(self, task: "TaskData") -> list[str]:
        """What is odd about it on ``task``, the attacker's, though nothing forbids it: a sentence each."""
        return []

    def check_surrogate(self, task: "TaskData") -> None:
        """See that its generators can be trained on ``task``, the attacker's. Raises `DataError`."""

    def fit(self, task: "TaskData") -> PoisonSource:
        """The attack on the victims' ``task``."""
        raise NotImplementedError


@dataclass(frozen=True)
class Member:
    """One replicate of a stack. ``config``: what may differ between members is taken from here."""

    replicate: int
    seed: int
    config: AttackConfig


@dataclass(frozen=True)
class TrainingPoint:
    """The training metrics of one member, averaged over the iterations since the previous point."""

    replicate: int
    iteration: int
    metrics: dict[str, float]


class Training(Protocol):
    """A stack of replicates in training. Random state is its own: a member's bits do not depend on who else trains."""

    members: tuple[Member, ...]
    iteration: int
    diverged_at: dict[int, int]  # replicate -> iteration at which a metric was seen to be no finite number

    def train(self, iterations: int) -> None:
        """Go on for so many ``iterations``."""

    def report(self) -> list[TrainingPoint]:
        """The members' metrics since the last report."""

    def sample(self, points: int, *purpose: str | int) -> "Tensor":
        """(R, ``points``, F) poisoning points on the CPU, from each member's stream ``purpose``."""

    def weights(self, index: int) -> "dict[str, Tensor]":
        """What is stored of the member at ``index``: its generator."""

    def architecture(self) -> dict[str, object]:
        """What is needed beside `weights` to run a generator, as JSON can hold it; ``kind`` names what it is.

        "mlp" is taken: a perceptron of `pgan_ray.nn`, which becomes a model in MLflow.
        """

    def state(self) -> "dict[str, Tensor]":
        """Everything that `load_state` needs to go on with the same bits, random state included, on the CPU."""

    def load_state(self, tensors: "Mapping[str, Tensor]") -> None:
        """Continue from `state`."""


class TrainedAttack(Attack):
    """An attack whose generators are trained in stage 1. What they make is stored, as a `PoisonSet`."""

    is_trained: ClassVar[bool] = True
    metrics: ClassVar[tuple[str, ...]] = ()
    """The names of its training metrics."""

    def iterations_of(self, points: int, of_all: int) -> int:
        """Iterations of one training on so many genuine ``points`` of the poison class, and ``of_all`` classes."""
        raise NotImplementedError

    def iterations(self, task: "TaskData") -> int:
        """Iterations of one training on ``task``."""
        return self.iterations_of(len(task.poison_class_x), len(task.train_x))

    def train(self, members: Sequence[Member], task: "TaskData", *, device: "torch.device", precision: str) -> Training:
        """A stack of ``members`` that is about to be trained on ``task``. This attack's config gives its shape."""
        raise NotImplementedError

    def iteration_work(self, features: int, classes: int) -> "Work":
        """What an iteration of one replicate takes; a guess, to plan by."""
        from pgan_ray.cost import Work

        return Work(1e9, 1e8, 100)

    def stored_numbers(self, features: int) -> int:
        """How many numbers `Training.weights` holds."""
        return 1000 * features

    def stack_bytes(self, features: int, classes: int, members: int, poison_points: int) -> int:
        """Bytes of ``members`` replicates in training and in sampling so many ``poison_points`` of each."""
        return 4 * members * (10 * self.stored_numbers(features) + 2 * poison_points * features)


def make_attack(config: AttackConfig) -> Attack:
    """The attack that a section of a sweep file describes."""
    attack: Attack = config.make()
    return attack
