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
    """An attack that was fitted to a task, and from which every run of the evaluation draws its poison."""

    def sample(self, points: int, random: np.random.Generator, used: Rows) -> "Tensor":
        """(``points``, F) poisoning points, float32 on the CPU. The caller gives them the label of the poison class.

        ``random``: where all randomness comes from. ``used``: the rows of the task's training points that this run's
        detectors and victims were given; none of these points may be returned. A larger draw from the same random
        stream must begin with the smaller one.

        Raises:
            DataError: the attack has fewer points than that.
        """


class NoPoison:
    """A `PoisonSource` that gives no points, however many are asked for."""

    def __init__(self, task: "TaskData") -> None:
        self._none = task.train_x[:0]

    def sample(self, points: int, random: np.random.Generator, used: Rows) -> "Tensor":
        """(0, F) points."""
        return self._none


class Attack(Component):
    """The base class of all attacks, and of those that take their poison from the data."""

    Config: ClassVar[type[AttackConfig]] = AttackConfig
    is_trained: ClassVar[bool] = False
    is_control: ClassVar[bool] = False
    """Whether it is no attack, but what attacks are compared with."""

    def __init__(self, config: AttackConfig) -> None:
        self.config = config

    def parameters(self) -> dict[str, float]:
        """The finite numbers, by name, that are stored with each result and compared in MLflow."""
        return {}

    def health(self, metrics: Mapping[str, float]) -> str:
        """A warning, in words, if the last training ``metrics`` (means over replicates) cast doubt on the results.

        Empty if they do not.
        """
        return ""

    def check(self, task: "TaskData", evaluation: EvaluationSpec) -> None:
        """Check, before anything starts, that the attack works on the victims' ``task``. Raises `DataError` if not."""

    def doubts(self, task: "TaskData") -> list[str]:
        """Warnings, a sentence each, about using the attack on ``task``, the attacker's. They stop nothing."""
        return []

    def check_surrogate(self, task: "TaskData") -> None:
        """Check that generators can be trained on ``task``, the attacker's. Raises `DataError` if not."""

    def fit(self, task: "TaskData") -> PoisonSource:
        """Fit the attack to the victims' ``task``."""
        raise NotImplementedError


@dataclass(frozen=True)
class Member:
    """One replicate of a stack. ``config``: gives the values that may differ between members, such as alpha."""

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
    """A stack of R replicates in training. On a CPU, a member's bits do not depend on the other members."""

    members: tuple[Member, ...]
    iteration: int
    diverged_at: dict[int, int]  # replicate -> iteration at which a metric was first found not finite

    def train(self, iterations: int) -> None:
        """Train for ``iterations`` more iterations."""

    def report(self) -> list[TrainingPoint]:
        """One point for each member, in their order: metrics averaged over the iterations since the last report."""

    def sample(self, points: int, *purpose: str | int) -> "Tensor":
        """(R, ``points``, F) poisoning points, float32 on the CPU, from each member's random stream ``purpose``."""

    def weights(self, index: int) -> "dict[str, Tensor]":
        """The weights of the generator of the member at ``index``, by name: what is stored of it."""

    def architecture(self) -> dict[str, object]:
        """What is needed besides `weights` to run a generator, as JSON values; ``kind`` names the type of network.

        The kind "mlp" is reserved for perceptrons of `pgan_ray.nn`, which become models in MLflow.
        """

    def state(self) -> "dict[str, Tensor]":
        """All that `load_state` needs to continue with the same bits, random state included: tensors on the CPU."""

    def load_state(self, tensors: "Mapping[str, Tensor]") -> None:
        """Restore what `state` returned, ``iteration`` included."""


class TrainedAttack(Attack):
    """An attack whose generators are trained in stage 1. Poison is sampled from them once, and stored."""

    is_trained: ClassVar[bool] = True
    metrics: ClassVar[tuple[str, ...]] = ()
    """The names of its training metrics."""

    def iterations_of(self, points: int, of_all: int) -> int:
        """Iterations of one training on ``points`` genuine points of the poison class, ``of_all`` of all classes."""
        raise NotImplementedError

    def iterations(self, task: "TaskData") -> int:
        """Iterations of one training on ``task``."""
        return self.iterations_of(len(task.poison_class_x), len(task.train_x))

    def train(self, members: Sequence[Member], task: "TaskData", *, device: "torch.device", precision: str) -> Training:
        """A stack of ``members``, ready to be trained on ``task``. Network sizes are those of this attack's config."""
        raise NotImplementedError

    def iteration_work(self, features: int, classes: int) -> "Work":
        """A rough cost of one iteration of one replicate, for estimates."""
        from pgan_ray.cost import Work

        return Work(1e9, 1e8, 100)

    def stored_numbers(self, features: int) -> int:
        """How many numbers `Training.weights` holds."""
        return 1000 * features

    def stack_bytes(self, features: int, classes: int, members: int, poison_points: int) -> int:
        """Memory in bytes to train ``members`` replicates and to sample ``poison_points`` points from each."""
        return 4 * members * (10 * self.stored_numbers(features) + 2 * poison_points * features)


def make_attack(config: AttackConfig) -> Attack:
    """The attack that a section of a sweep file describes."""
    attack: Attack = config.make()
    return attack
