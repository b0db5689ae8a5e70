"""The attacks' one small interface: points that carry the poison class's label. Shapes: N points, F features."""

from typing import Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

Rows = npt.NDArray[np.int64]


class Attack(Protocol):
    """An attack that is fitted to a task, and from which every run of the evaluation draws its poison."""

    def sample(self, points: int, random: np.random.Generator, used: Rows) -> Tensor:
        """(``points``, F) poisoning points, labelled as the poison class by whoever places them.

        ``used``: the rows of the task's training points that this run's detectors and victims were given; none of
        them comes back as poison. A larger draw from the same stream begins with the smaller one.

        Raises:
            DataError: the attack has fewer points to give.
        """
        ...
