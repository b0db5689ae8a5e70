"""Bytes that training moves to and from a device's memory, and the kernels that it launches; per member, in float32.

Shapes: B points of a step, I and O features in and out of a layer. Each of a layer's products, one forward and two
backward, reads two of (B, I), (I, O) and (B, O) and writes the third. What lies between the products is counted by
passes over the hidden units; how often is an estimate, since kernels may be fused.
"""

from itertools import pairwise

from pgan_ray.cost.devices import tiles
from pgan_ray.cost.flops import forward, outputs_of, pgan_iteration, victim_step
from pgan_ray.cost.memory import FLOAT_BYTES, generator_weights, weights
from pgan_ray.cost.work import Work
from pgan_ray.spec import AttackSpec, NetworkSpec, OptimizerSpec, VictimSpec

PASSES_FORWARD, PASSES_BACKWARD = 5, 5  # over a hidden unit: activation, mask, product; and the same in reverse
PASSES_OF = {"sgd": 5, "adam": 7}  # over a weight in one step of an optimiser: reads and writes, gradients among them
KERNELS_FORWARD, KERNELS_BACKWARD = 5, 3  # of a hidden layer, beside its products
KERNELS_OF_A_STEP = 12  # draws of rows and noise, gathering, losses, the fused optimiser


def _forward(points: int, inputs: int, network: NetworkSpec, outputs: int) -> tuple[float, float]:
    """(bytes, kernels) of ``points`` through a network."""
    sizes = [inputs, *network.widths, outputs]
    products = sum(points * i + i * o + points * o for i, o in pairwise(sizes))
    hidden = len(network.widths)
    moved = FLOAT_BYTES * (products + PASSES_FORWARD * points * sum(network.widths))
    return moved, hidden + 1 + KERNELS_FORWARD * hidden


def _backward(
    points: int, inputs: int, network: NetworkSpec, outputs: int, *, of_weights: bool, of_inputs: bool
) -> tuple[float, float]:
    """(bytes, kernels) of the gradients by the weights, by the inputs, or both."""
    sizes = list(pairwise([inputs, *network.widths, outputs]))
    products = [points * i + i * o + points * o for i, o in sizes]
    by_inputs = products if of_inputs else products[1:]
    moved = sum(by_inputs) + (sum(products) if of_weights else 0) + PASSES_BACKWARD * points * sum(network.widths)
    kernels = len(by_inputs) + (len(products) if of_weights else 0) + KERNELS_BACKWARD * len(network.widths)
    return FLOAT_BYTES * moved, kernels


def _update(optimizer: OptimizerSpec, parameters: int) -> float:
    return FLOAT_BYTES * PASSES_OF[optimizer.name] * parameters


def pgan_iteration_work(attack: AttackSpec, features: int, classes: int = 2) -> Work:
    """One iteration of Algorithm 1 of one replicate."""
    size, noise = attack.batch_size, attack.generator.noise_features
    moved = kernels = 0.0
    for critic, outputs, steps in (
        (attack.discriminator, 1, attack.discriminator_steps),
        (attack.classifier, outputs_of(classes), attack.classifier_steps),
    ):
        parts = (
            _forward(size, noise, attack.generator, features),
            (FLOAT_BYTES * 4.0 * size * features, 2),  # genuine points are gathered, and put beside the poison
            _forward(2 * size, features, critic, outputs),
            _backward(2 * size, features, critic, outputs, of_weights=True, of_inputs=False),
            (_update(critic.optimizer, weights(features, critic, outputs)), KERNELS_OF_A_STEP),
        )
        moved += steps * sum(part[0] for part in parts)
        kernels += steps * sum(part[1] for part in parts)
        # G's step goes through the critic, there and back.
        through = (
            _forward(size, features, critic, outputs),
            _backward(size, features, critic, outputs, of_weights=False, of_inputs=True),
        )
        moved += attack.generator_steps * sum(part[0] for part in through)
        kernels += attack.generator_steps * sum(part[1] for part in through)
    own = (
        _forward(size, noise, attack.generator, features),
        _backward(size, noise, attack.generator, features, of_weights=True, of_inputs=False),
        (_update(attack.generator.optimizer, generator_weights(attack, features)), KERNELS_OF_A_STEP),
    )
    moved += attack.generator_steps * sum(part[0] for part in own)
    kernels += attack.generator_steps * sum(part[1] for part in own)
    return Work(pgan_iteration(attack, features, classes), moved, kernels)


def victim_step_work(victim: VictimSpec, features: int, classes: int) -> Work:
    """One step of one victim on a full batch."""
    size, outputs = victim.batch_size, outputs_of(classes)
    parts = (
        (FLOAT_BYTES * 2.0 * size * features, 2),
        _forward(size, features, victim, outputs),
        _backward(size, features, victim, outputs, of_weights=True, of_inputs=False),
        (_update(victim.optimizer, weights(features, victim, outputs)), KERNELS_OF_A_STEP),
    )
    return Work(victim_step(victim, features, classes), sum(part[0] for part in parts), sum(part[1] for part in parts))


def pgan_tiles(attack: AttackSpec) -> int:
    """Tiles of the narrowest hidden layer's product, of one replicate."""
    networks = (attack.generator, attack.discriminator, attack.classifier)
    return tiles(attack.batch_size, min((width for network in networks for width in network.widths), default=1))


def victim_tiles(victim: VictimSpec) -> int:
    """Likewise, of one victim; logistic regression has no hidden layers."""
    widths = [] if victim.name == "logistic" else victim.widths
    return tiles(victim.batch_size, min(widths, default=1))


def scoring_work(victim: NetworkSpec, features: int, classes: int, points: int) -> Work:
    """One victim's answers on ``points`` test points."""
    outputs = outputs_of(classes)
    moved, kernels = _forward(points, features, victim, outputs)
    return Work(points * forward(features, victim, outputs), moved, kernels)
