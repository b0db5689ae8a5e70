"""What a defence is: a stage of a pipeline, and either a detector, a sanitiser or a robust trainer.

Shapes: N points of a training set, T trusted points of a class, F features, D features of a victim, K classes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

from pgan_ray.spec import Component, DefenceConfig

if TYPE_CHECKING:
    from torch import Tensor


class Reading(Protocol):
    """What a trained victim says of N points."""

    @property
    def log_probabilities(self) -> "Tensor":
        """(N, K) logarithms of the classes' probabilities; a point's loss is minus the entry of its label."""

    @property
    def representation(self) -> "Tensor":
        """(N, D) inputs of the victim's last layer; for a victim without hidden layers, the points themselves."""


Ask = Callable[["Tensor", "Tensor", "Tensor"], Reading]


@dataclass(frozen=True)
class Suspects:
    """A training set that may be poisoned, and what the defender has besides it.

    ``x`` (N, F) and ``y`` (N,): its points and their labels. ``trusted``: for each class, in the order of the labels,
    the points (T, F) that the defender knows to be genuine. ``ask(x, y, points)`` trains a victim on ``x`` and ``y``
    and returns a `Reading` of ``points``. It starts from the same weights each time, so a set gives the same victim.
    """

    x: "Tensor"
    y: "Tensor"
    trusted: tuple["Tensor", ...]
    ask: Ask

    @property
    def classes(self) -> int:
        """K, the number of classes."""
        return len(self.trusted)


class Defence(Component):
    """The base class of defences, each a stage of a pipeline.

    ``filters``: whether it can remove points. ``asks_victim``: whether it trains victims of its own, at most
    `trainings` of them. ``ends``: whether it must be the last stage, because it decides what the victim is trained on.
    """

    Config: ClassVar[type[DefenceConfig]] = DefenceConfig
    filters: ClassVar[bool] = True
    asks_victim: ClassVar[bool] = False
    ends: ClassVar[bool] = False

    def __init__(self, config: DefenceConfig) -> None:
        self.config = config

    @property
    def trainings(self) -> int:
        """The most victims that it trains; batches are cut by it."""
        return 1 if self.asks_victim else 0

    def flop(self, features: int, trusted: int, points: int) -> float:
        """Roughly its operations for one class, with ``trusted`` points, and ``points`` points in the training set."""
        return 3.0 * features * points


@dataclass(frozen=True)
class Sanitised:
    """A sanitiser's decision. ``kept``: (N,) booleans, True for points to keep. ``y``: (N,) int64, the new labels."""

    kept: "Tensor"
    y: "Tensor"


class Sanitiser(Defence):
    """Sees the whole training set before the victim does, and drops or relabels some of it."""

    def sanitise(self, suspects: Suspects, random: np.random.Generator) -> Sanitised:
        """Decide which of the ``suspects`` to drop or relabel, with all randomness from ``random``."""
        raise NotImplementedError


class RobustTrainer(Defence):
    """Chooses the points that the victim is trained on, by training victims of its own."""

    asks_victim: ClassVar[bool] = True
    ends: ClassVar[bool] = True

    def settle(self, suspects: Suspects, random: np.random.Generator) -> "Tensor":
        """(N,) booleans, True for those of the ``suspects`` that the victim is to be trained on."""
        raise NotImplementedError
