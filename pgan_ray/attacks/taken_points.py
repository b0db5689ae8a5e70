"""The base of attacks that take genuine points of one class for their poison."""

from typing import TYPE_CHECKING

import numpy as np

from pgan_ray.attacks.interface import Attack, PoisonSource, Rows
from pgan_ray.errors import DataError
from pgan_ray.spec import EvaluationSpec

if TYPE_CHECKING:
    from torch import Tensor

    from pgan_ray.data import TaskData


class TakesPoints(Attack):
    """Takes points of one class that nobody else uses in a run: label flipping, and the control without harm."""

    def taken_label(self, task: "TaskData") -> int:
        """The class whose points it takes, by the task's label."""
        return task.source_label

    def check(self, task: "TaskData", evaluation: EvaluationSpec) -> None:
        """The class must have points left beside those of the detectors and the victim."""
        self.check_class(task, evaluation, self.taken_label(task))

    def check_class(self, task: "TaskData", evaluation: EvaluationSpec, label: int) -> None:
        """As `check`, for the class ``label``."""
        poison = evaluation.poison_count(max(evaluation.poison_fractions), len(task.classes))
        needed = evaluation.trusted_per_class + evaluation.train_per_class + poison
        available = int((task.train_y == label).sum())
        if available < needed:
            raise DataError(
                f"class {task.classes[label]} must have {needed} training points ({evaluation.trusted_per_class} "
                f"trusted + {evaluation.train_per_class} to train victims + {poison} that {self.config.name} takes), "
                f"got {available}; lower `evaluation.trusted_per_class`, `evaluation.train_per_class` or the largest "
                "of `evaluation.poison_fractions`"
            )

    def fit(self, task: "TaskData") -> PoisonSource:
        """Points of `taken_label`."""
        return TakenPoints(task, self.taken_label(task))


class TakenPoints:
    """Points of the class ``label`` that nobody else uses in a run, in an order drawn anew for each run."""

    def __init__(self, task: "TaskData", label: int) -> None:
        self._x = task.train_x
        self._rows: Rows = (task.train_y == label).nonzero().squeeze(1).numpy()

    def sample(self, points: int, random: np.random.Generator, used: Rows) -> "Tensor":
        """As `PoisonSource.sample`."""
        import torch

        return self._x[torch.from_numpy(self._left(points, random, used)[:points])]

    def _left(self, points: int, random: np.random.Generator, used: Rows) -> Rows:
        """The rows that may be taken, in the order of this run; at least so many ``points``. Raises `DataError`."""
        left = self._order(random)
        left = left[~np.isin(left, used)]
        if points > len(left):
            raise DataError(
                f"an attack that takes genuine points must find {points} that neither the detectors nor the victim "
                f"were given, got {len(left)}"
            )
        return left

    def _order(self, random: np.random.Generator) -> Rows:
        return random.permutation(self._rows)
