"""Bytes that training moves to and from a device's memory, and the kernels that it launches; per member, in float32.

Shapes: B points of a step, I and O features in and out of a layer. Each of a layer's products, one forward and two
backward, reads two of (B, I), (I, O) and (B, O) and writes the third. What lies between the products is counted by
passes over the hidden units; how often is an estimate, since kernels may be fused.
"""

from itertools import pairwise

from pgan_ray.cost.devices import tiles
from pgan_ray.cost.flops import forward, outputs_of, victim_step
from pgan_ray.cost.memory import FLOAT_BYTES, weights
from pgan_ray.cost.work import Work
from pgan_ray.spec import NetworkSpec, OptimizerSpec, TrainedNetworkSpec

PASSES_FORWARD, PASSES_BACKWARD = 5, 5  # over a hidden unit: activation, mask, product; and the same in reverse
PASSES_OF = {"sgd": 5, "adam": 7}  # over a weight in one step of an optimiser: reads and writes, gradients among them
KERNELS_FORWARD, KERNELS_BACKWARD = 5, 3  # of a hidden layer, beside its products
KERNELS_OF_A_STEP = 12  # draws of rows and noise, gathering, losses, the fused optimiser


def forward_traffic(points: int, inputs: int, network: NetworkSpec, outputs: int) -> tuple[float, float]:
    """(bytes, kernels) of ``points`` through a network."""
    sizes = [inputs, *network.widths, outputs]
    products = sum(points * i + i * o + points * o for i, o in pairwise(sizes))
    hidden = len(network.widths)
    moved = FLOAT_BYTES * (products + PASSES_FORWARD * points * sum(network.widths))
    return moved, hidden + 1 + KERNELS_FORWARD * hidden


def backward_traffic(
    points: int, inputs: int, network: NetworkSpec, outputs: int, *, of_weights: bool, of_inputs: bool
) -> tuple[float, float]:
    """(bytes, kernels) of the gradients by the weights, by the inputs, or both."""
    sizes = list(pairwise([inputs, *network.widths, outputs]))
    products = [points * i + i * o + points * o for i, o in sizes]
    by_inputs = products if of_inputs else products[1:]
    moved = sum(by_inputs) + (sum(products) if of_weights else 0) + PASSES_BACKWARD * points * sum(network.widths)
    kernels = len(by_inputs) + (len(products) if of_weights else 0) + KERNELS_BACKWARD * len(network.widths)
    return FLOAT_BYTES * moved, kernels


def update_bytes(optimizer: OptimizerSpec, parameters: int) -> float:
    """Bytes that a step of an optimiser moves."""
    return FLOAT_BYTES * PASSES_OF[optimizer.name] * parameters


def victim_step_work(victim: TrainedNetworkSpec, features: int, classes: int) -> Work:
    """One step of one victim on a full batch."""
    size, outputs = victim.batch_size, outputs_of(classes)
    parts = (
        (FLOAT_BYTES * 2.0 * size * features, 2),
        forward_traffic(size, features, victim, outputs),
        backward_traffic(size, features, victim, outputs, of_weights=True, of_inputs=False),
        (update_bytes(victim.optimizer, weights(features, victim, outputs)), KERNELS_OF_A_STEP),
    )
    return Work(victim_step(victim, features, classes), sum(part[0] for part in parts), sum(part[1] for part in parts))


def victim_tiles(victim: TrainedNetworkSpec) -> int:
    """Tiles of the narrowest hidden layer's product, of one victim."""
    return tiles(victim.batch_size, min(victim.widths, default=1))


def scoring_work(victim: NetworkSpec, features: int, classes: int, points: int) -> Work:
    """One victim's answers on ``points`` test points."""
    outputs = outputs_of(classes)
    moved, kernels = forward_traffic(points, features, victim, outputs)
    return Work(points * forward(features, victim, outputs), moved, kernels)
