"""What perceptrons take, by counting, in float32: operations, bytes moved, kernels, memory, weights.

A layer of I inputs and O outputs takes 2 I O operations a point forward, as much again for its weights' gradient, and
as much again for its inputs' gradient. Each of these products reads two of (B, I), (I, O) and (B, O), B being the
points, and writes the third. What lies between the products is counted by passes over the hidden units; how often is
an estimate, since kernels may be fused.
"""

from dataclasses import replace
from itertools import pairwise
from typing import Literal

from pgan_ray.cost.work import Work, tiles
from pgan_ray.spec import NetworkSpec, OptimizerSpec, TrainedNetworkSpec

FLOAT_BYTES = 4
# Weight, gradient and the optimiser's moments: SGD keeps one, Adam two. A victim's final weights are kept aside.
COPIES = {"sgd": 3, "adam": 4}
# Points of each member that judging takes at once, and of all members: a large stack, for its memory, takes fewer.
JUDGED_AT_ONCE, MOST_JUDGED = 2000, 20_000
# Of a hidden unit, for each point of a batch: before and after the activation, its mask, and their gradients.
OF_A_UNIT = 6

PASSES_FORWARD, PASSES_BACKWARD = 5, 5  # over a hidden unit: activation, mask, product; and the same in reverse
PASSES_OF = {"sgd": 5, "adam": 7}  # over a weight in one step of an optimiser: reads and writes, gradients among them
KERNELS_FORWARD, KERNELS_BACKWARD = 5, 3  # of a hidden layer, beside its products
KERNELS_OF_A_STEP = 12  # draws of rows and noise, gathering, losses, the fused optimiser
KERNELS_OF_BATCHES = 12  # of a victim: whose next rows count, and the loss that tells whether it diverged


def outputs_of(classes: int) -> int:
    """Logits of a classifier: one for two classes."""
    return 1 if classes == 2 else classes


def weights(inputs: int, network: NetworkSpec, outputs: int) -> int:
    """Weights and biases of a network."""
    return sum((size_in + 1) * size_out for size_in, size_out in pairwise([inputs, *network.widths, outputs]))


def widest(network: NetworkSpec, outputs: int) -> int:
    """Features of a point on both sides of a layer or an activation, where these are most."""
    sizes = [*network.widths, outputs]
    return max(2 * max(sizes), *(size_in + size_out for size_in, size_out in pairwise([*sizes, 0])))


def passes(
    points: int, inputs: int, network: NetworkSpec, outputs: int, *, back_to: Literal["", "weights", "inputs"] = ""
) -> Work:
    """``points`` through a network, and back: to its weights' gradients, or through fixed weights to its inputs'."""
    layers = list(pairwise([inputs, *network.widths, outputs]))
    products = [(i, o, tiles(points, o)) for i, o in layers]
    kernels, over_units = KERNELS_FORWARD, PASSES_FORWARD
    if back_to:
        products += [(i, o, tiles(points, i)) for i, o in (layers if back_to == "inputs" else layers[1:])]
        products += [(i, o, tiles(o, i)) for i, o in (layers if back_to == "weights" else ())]
        kernels, over_units = kernels + KERNELS_BACKWARD, over_units + PASSES_BACKWARD
    moved = sum(points * i + i * o + points * o for i, o, _ in products) + over_units * points * sum(network.widths)
    by_tiles: dict[int, float] = {}
    for i, o, number in products:
        by_tiles[number] = by_tiles.get(number, 0.0) + 2 * points * i * o
    launches = len(products) + kernels * len(network.widths)
    return Work(sum(by_tiles.values()), FLOAT_BYTES * moved, launches, by_tiles=by_tiles)


def gathered(points: int, features: int) -> Work:
    """``points`` of a data set, put together for one step."""
    return Work(moved=FLOAT_BYTES * 2 * points * features, launches=2)


def update(optimizer: OptimizerSpec, parameters: int) -> Work:
    """A step of an optimiser, and what else a step takes."""
    return Work(moved=FLOAT_BYTES * PASSES_OF[optimizer.name] * parameters, launches=KERNELS_OF_A_STEP)


def step_work(victim: TrainedNetworkSpec, features: int, classes: int) -> Work:
    """One step of one victim on a full batch."""
    size, outputs = victim.batch_size, outputs_of(classes)
    through = passes(size, features, victim, outputs, back_to="weights")
    drawn = Work(launches=KERNELS_OF_BATCHES)
    return gathered(size, features) + drawn + through + update(victim.optimizer, weights(features, victim, outputs))


def victim_work(victim: TrainedNetworkSpec, features: int, classes: int, points: int, tested: int) -> Work:
    """One victim, trained on ``points`` and judged on ``tested`` points."""
    step = step_work(victim, features, classes)
    steps = victim.epochs * -(-points // victim.batch_size)
    full = victim.epochs * points / victim.batch_size  # the last step of an epoch is a short one
    trained = replace(step.times(full), launches=step.launches * steps)
    return trained + passes(tested, features, victim, outputs_of(classes))


def victim_bytes(victim: TrainedNetworkSpec, features: int, classes: int, members: int, points: int) -> int:
    """Bytes of a stack of ``members`` victims on ``points`` points each, trained and judged, their sets included."""
    own = weights(features, victim, outputs_of(classes))
    batch = victim.batch_size * (features + OF_A_UNIT * sum(victim.widths))
    # The sets of all cells, and once more side by side in one tensor.
    training = members * ((COPIES[victim.optimizer.name] + 1) * own + batch + 2 * points * features)
    # On top: what training had goes back to the system late, or not at all.
    judging = min(members * JUDGED_AT_ONCE, MOST_JUDGED) * widest(victim, outputs_of(classes))
    return FLOAT_BYTES * (training + judging)


def one_by_one(features: int, members: int, points: int) -> int:
    """Bytes of training sets of ``points`` points, taken one at a time by scikit-learn's copies in doubles."""
    return FLOAT_BYTES * points * features * (members + 4)
