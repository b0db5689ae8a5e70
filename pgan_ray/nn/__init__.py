"""Stacked networks: many multilayer perceptrons of one shape, trained as one tensor program.

Reads the schema's network and optimiser parts; hands stacks to `attacks` and `victims`.
"""

from pgan_ray.nn.losses import cross_entropy, cross_entropy_gradient, predictions, soft_targets
from pgan_ray.nn.optimizers import StackOptimizer
from pgan_ray.nn.passes import Passes
from pgan_ray.nn.precision import arithmetic
from pgan_ray.nn.products import faster_products, use_products
from pgan_ray.nn.repeated import Repeated
from pgan_ray.nn.stacked import StackedBatchNorm, StackedMLP

__all__ = [
    "Passes",
    "Repeated",
    "StackOptimizer",
    "StackedBatchNorm",
    "StackedMLP",
    "arithmetic",
    "cross_entropy",
    "cross_entropy_gradient",
    "faster_products",
    "predictions",
    "soft_targets",
    "use_products",
]
