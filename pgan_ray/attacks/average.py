"""The exponential moving average of a network's weights and batch-norm statistics."""

from copy import deepcopy

import torch

from pgan_ray.nn import StackedMLP


class WeightAverage:
    """Follows a network; ``network`` holds the average."""

    def __init__(self, followed: StackedMLP, decay: float) -> None:
        self.network = deepcopy(followed).requires_grad_(False)
        self._followed = followed
        self._decay = decay

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the followed network's weights as they are now."""
        averaged = self.network.state_dict()
        for key, value in self._followed.state_dict().items():
            averaged[key].lerp_(value, 1 - self._decay)
