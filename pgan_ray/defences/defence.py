"""What a stage of a pipeline of defences is: a detector, a sanitiser or a robust trainer.

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
    """What a trained victim makes of N points."""

    @property
    def log_probabilities(self) -> "Tensor":
        """(N, K): of each class; minus these, at a point's label, is the point's loss."""

    @property
    def representation(self) -> "Tensor":
        """(N, D): what the victim's last layer reads; of a victim without hidden layers, the points themselves."""


Ask = Callable[["Tensor", "Tensor", "Tensor"], Reading]


@dataclass(frozen=True)
class Suspects:
    """A training set for which nobody vouches, and what the defender has beside it.

    ``x`` (N, F), ``y`` (N,): its points and their labels. ``trusted``: of each class, in the order of the labels, the
    points (T, F) that the defender knows to be genuine. ``ask(x, y, points)`` trains a victim on ``x`` and ``y`` and
    says what it makes of ``points``; each time it starts from the same weights, so the same set gives the same victim.
    """

    x: "Tensor"
    y: "Tensor"
    trusted: tuple["Tensor", ...]
    ask: Ask

    @property
    def classes(self) -> int:
        """K."""
        return len(self.trusted)


class Defence(Component):
    """A stage of a pipeline of defences.

    ``filters``: whether it can take points away. ``asks_victim``: whether it trains victims of its own, about
    `trainings` of them. ``ends``: whether it must be the last, as the victim's own training is its work.
    """

    Config: ClassVar[type[DefenceConfig]] = DefenceConfig
    filters: ClassVar[bool] = True
    asks_victim: ClassVar[bool] = False
    ends: ClassVar[bool] = False

    def __init__(self, config: DefenceConfig) -> None:
        self.config = config

    @property
    def trainings(self) -> int:
        """Victims that it trains, at most, where it asks any: work is cut by it."""
        return 1 if self.asks_victim else 0

    def flop(self, features: int, trusted: int, points: int) -> float:
        """Operations, roughly, for each class with ``trusted`` points and so many in the training set."""
        return 3.0 * features * points


@dataclass(frozen=True)
class Sanitised:
    """A sanitiser's decision: ``kept`` (N,), booleans; ``y`` (N,), the labels, some of them others than before."""

    kept: "Tensor"
    y: "Tensor"


class Sanitiser(Defence):
    """Sees the whole training set before the victim does, and drops or relabels some of it."""

    def sanitise(self, suspects: Suspects, random: np.random.Generator) -> Sanitised:
        """What becomes of each of the ``suspects``."""
        raise NotImplementedError


class RobustTrainer(Defence):
    """Changes the victim's training: it settles on the points that the victim is trained on, by training victims."""

    asks_victim: ClassVar[bool] = True
    ends: ClassVar[bool] = True

    def settle(self, suspects: Suspects, random: np.random.Generator) -> "Tensor":
        """(N,) booleans: on which of the ``suspects`` the victim is trained in the end."""
        raise NotImplementedError
