"""Stacked networks: many multilayer perceptrons of one shape, trained as one tensor program.

Reads the schema's network and optimiser parts; hands stacks to `attacks` and `victims`.
"""

from pgan_ray.nn.losses import classification_loss, predictions
from pgan_ray.nn.optimizers import make_optimizer, optimizer_tensors, restore_optimizer
from pgan_ray.nn.precision import arithmetic
from pgan_ray.nn.stacked import StackedBatchNorm, StackedLinear, StackedMLP, drop

__all__ = [
    "StackedBatchNorm",
    "StackedLinear",
    "StackedMLP",
    "arithmetic",
    "classification_loss",
    "drop",
    "make_optimizer",
    "optimizer_tensors",
    "predictions",
    "restore_optimizer",
]
