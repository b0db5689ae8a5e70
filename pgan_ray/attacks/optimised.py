"""The base of attacks that move a set of points by the gradient of what they do to a surrogate.

P poisoning points, F features, K classes.
"""

import pkgutil
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from pgan_ray.attacks.interface import Member, TrainedAttack, Training
from pgan_ray.attacks.one_by_one import OneByOne
from pgan_ray.errors import DataError
from pgan_ray.spec import AttackConfig, EvaluationSpec
from pgan_ray.spec.base import Part
from pgan_ray.spec.network import Width

if TYPE_CHECKING:
    import torch

    from pgan_ray.cost import Work
    from pgan_ray.data import TaskData


class SurrogateSpec(Part):
    """The attacker's own classifier, a perceptron with LeakyReLU, by whose gradients the points move."""

    widths: list[Width] = Field(default=[], description="Hidden layers, input side first. Empty: logistic regression.")
    l2: float = Field(
        default=0.01, ge=0, description="Weight decay: weight of half the squared parameter norm in its training loss."
    )


class NetworkSurrogateSpec(SurrogateSpec):
    """One with a hidden layer, and less pull on its parameters."""

    widths: list[Width] = Field(default=[64], description="Hidden layers, input side first. Empty: a linear model.")
    l2: float = Field(
        default=0.001, ge=0, description="Weight decay: weight of half the squared parameter norm in its training loss."
    )


class FittedConfig(Part):
    """How a surrogate is fitted to its minimum."""

    fit_steps: int = Field(
        default=30,
        ge=1,
        description="L-BFGS iterations per fit of the surrogate; each fit continues from the previous one.",
    )


class OptimisedConfig(AttackConfig):
    """What all attacks that move points have in common."""

    points: int = Field(
        default=200, ge=1, description="Poisoning points optimised together: the poison set of a replicate."
    )
    poison_fraction: float = Field(
        default=0.2,
        gt=0,
        lt=1,
        description="Share of the poisoning points in the surrogate's training set, where they replace points of the "
        "poison class. It determines the size of that set.",
    )
    validation_per_class: int = Field(
        default=100, ge=1, description="Genuine points per class on which the attacker's objective is measured."
    )
    objective: Literal["all", "source"] = Field(
        default="all",
        description="Which validation loss to raise: over points of `all` classes, or of the `source` class only.",
    )
    iterations: int = Field(default=50, ge=1, description="Number of moves of the points.")
    step_size: float = Field(
        default=1.0,
        gt=0,
        description="Euclidean length of a point's first move. It falls linearly to 0 over the iterations.",
    )

    def per_class(self, classes: int) -> int:
        """Points of each of so many ``classes`` in the surrogate's training set, poison among those of its label."""
        return -(-round(self.points / self.poison_fraction) // classes)

    def check_evaluation(self, evaluation: EvaluationSpec, classes: int) -> None:
        """A run finds all of its poison in the set."""
        super().check_evaluation(evaluation, classes)
        evaluation.check_poison("attack.points", self.points, classes)


def parameters_of(sizes: Sequence[int]) -> int:
    """Of a perceptron with so many inputs, hidden units layer by layer, and outputs."""
    return sum((given + 1) * wanted for given, wanted in pairwise(sizes))


class OptimisedAttack(TrainedAttack):
    """Moves a set of points, drawn from the source class and labelled as the poison class, all at once."""

    Config: ClassVar[type[OptimisedConfig]] = OptimisedConfig
    config: OptimisedConfig
    engine: ClassVar[str]
    """The import path of the class that moves the points of one replicate: who only plans a sweep loads no PyTorch."""
    metrics: ClassVar[tuple[str, ...]] = ("validation_loss", "training_loss")
    starts_at: ClassVar[Literal["source", "poison"]] = "source"
    """The class whose genuine points the set is at first."""

    def parameters(self) -> dict[str, float]:
        """How much of it there is."""
        return {"points": float(self.config.points), "surrogate_poison_fraction": self.config.poison_fraction}

    def check_surrogate(self, task: "TaskData") -> None:
        """Surrogate, validation and the set itself have points of their own."""
        config, classes = self.config, len(task.classes)
        per_class = config.per_class(classes)
        if config.points >= per_class:
            raise DataError(
                f"`attack.poison_fraction` must be below 1/{classes} (one over the number of classes), so that genuine "
                "points of the poison class remain in the surrogate's training set, got "
                f"{config.poison_fraction:g}"
            )
        moved = task.source_label if self.starts_at == "source" else task.poison_label
        for label, name in enumerate(task.classes):
            needed = per_class + config.validation_per_class + (config.points if label == moved else 0)
            available = int((task.train_y == label).sum())
            if available < needed:
                own = f" + {config.points} that become poison" if label == moved else ""
                raise DataError(
                    f"class {name} must have {needed} training points ({per_class} to train surrogates + "
                    f"{config.validation_per_class} for validation{own}), got {available}; lower `attack.points` or "
                    "`attack.validation_per_class`, or raise `attack.poison_fraction`"
                )

    def iterations_of(self, points: int, of_all: int) -> int:
        """As configured."""
        return self.config.iterations

    def train(self, members: Sequence[Member], task: "TaskData", *, device: "torch.device", precision: str) -> Training:
        """One after the other, in float32 whatever the sweep's ``precision``: second derivatives ask for it."""
        return OneByOne([self.move(member, task, device) for member in members])

    def move(self, member: Member, task: "TaskData", device: "torch.device") -> Training:
        """The set of one ``member``, about to be moved."""
        moved: Training = pkgutil.resolve_name(self.engine)(self, member, task, device)
        return moved

    @property
    def passes(self) -> float:
        """Passes over the surrogate's training set, forward and back, in one iteration."""
        return 1.0

    @property
    def surrogate(self) -> SurrogateSpec | None:
        """The attacker's own classifier; None of a machine that is no network."""
        return getattr(self.config, "surrogate", None)

    @property
    def widths(self) -> list[int]:
        """The surrogate's hidden layers."""
        return [] if self.surrogate is None else self.surrogate.widths

    def _surrogate(self, features: int, classes: int) -> tuple[int, int]:
        """Its parameters, and its training points."""
        return parameters_of([features, *self.widths, classes]), self.config.per_class(classes) * classes

    def iteration_work(self, features: int, classes: int) -> "Work":
        """By the surrogate's passes: a forward and two backward products of every weight with every point."""
        from pgan_ray.cost import Work

        weights, points = self._surrogate(features, classes)
        flop = 6.0 * weights * points * self.passes
        moved = 4.0 * self.passes * (3 * weights + 3 * points * (features + sum(self.widths)))
        return Work(flop, moved, 60 * self.passes * (len(self.widths) + 1))

    def stored_numbers(self, features: int) -> int:
        """The points."""
        return self.config.points * features

    def stack_bytes(self, features: int, classes: int, members: int, poison_points: int) -> int:
        """Points, their gradients, the surrogate's vectors, and its activations several times over."""
        weights, points = self._surrogate(features, classes)
        points += self.config.validation_per_class * classes
        activations = points * (features + sum(self.widths))
        return 4 * members * (8 * self.config.points * features + 25 * weights + 8 * activations)
