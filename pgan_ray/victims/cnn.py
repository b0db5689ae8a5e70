"""A small convolutional network in the manner of LeNet, for data with an image shape."""

from typing import TYPE_CHECKING

from pydantic import Field

from pgan_ray.errors import DataError
from pgan_ray.registry import VICTIMS
from pgan_ray.victims.interface import TorchConfig, TorchVictim

if TYPE_CHECKING:
    import torch

    from pgan_ray.cost import Work
    from pgan_ray.data import TaskData

KERNEL = 5


class CnnConfig(TorchConfig):
    """Two convolutions, each with a ReLU and a pooling of 2 x 2, and a hidden layer."""

    channels: tuple[int, int] = Field(
        default=(8, 16), strict=False, description="Output channels of the two convolutions."
    )
    hidden: int = Field(default=64, ge=1, description="Units of the hidden layer.")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Probability of dropping a hidden unit.")


@VICTIMS.register
class Cnn(TorchVictim):
    """A small convolutional network like LeNet, for images."""

    name = "cnn"
    label = "CNN"
    Config = CnnConfig
    config: CnnConfig

    def check(self, task: "TaskData") -> None:
        """It reads images."""
        if task.image_shape is None or min(task.image_shape) < 4:
            got = "points without a shape" if task.image_shape is None else "x".join(map(str, task.image_shape))
            raise DataError(f"the victim `cnn` must have images of at least 4 x 4, got {got}; choose another victim")

    def module(self, features: int, classes: int, image_shape: tuple[int, int] | None) -> "torch.nn.Module":
        """Convolutions that keep the size, each halved by a pooling."""
        from torch import nn

        assert image_shape is not None  # `check` saw to it
        (height, width), (first, second) = image_shape, self.config.channels
        return nn.Sequential(
            nn.Unflatten(1, (1, height, width)),
            nn.Conv2d(1, first, KERNEL, padding=KERNEL // 2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(first, second, KERNEL, padding=KERNEL // 2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(second * (height // 4) * (width // 4), self.config.hidden),
            nn.ReLU(),
            nn.Dropout(self.config.dropout),
            nn.Linear(self.config.hidden, classes),
        )

    def work(self, features: int, classes: int, points: int, tested: int) -> "Work":
        """Its products, by the features of an image."""
        from pgan_ray.cost import Work

        first, second = self.config.channels
        weights = KERNEL**2 * (first + first * second / 4) + second * self.config.hidden / 16
        flop = 2.0 * features * weights * (3 * points * self.config.epochs + tested)
        steps = self.config.epochs * -(-points // self.config.batch_size)
        return Work(flop, flop / 10, 50.0 * steps)
