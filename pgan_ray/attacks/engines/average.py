"""The exponential moving average of a network's weights and batch-norm statistics."""

from copy import deepcopy

from pgan_ray.nn import StackedMLP
from pgan_ray.nn.operators import move_each_


class WeightAverage:
    """Follows a network, whose tensors must stay where they are; ``network`` holds the average."""

    def __init__(self, followed: StackedMLP, decay: float) -> None:
        self.network = deepcopy(followed).requires_grad_(False)
        self._averaged = list(self.network.state_dict().values())
        self._followed = list(followed.state_dict().values())
        self._weight = 1 - decay

    def update(self) -> None:
        """Move the average towards the followed network's weights as they are now."""
        move_each_(self._averaged, self._followed, self._weight)
