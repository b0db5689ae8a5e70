"""Bytes that a stack takes on the device that trains it, and how many weights its networks have."""

from itertools import pairwise

from pgan_ray.cost.flops import outputs_of
from pgan_ray.spec import AttackConfig, EvaluationSpec, NetworkSpec, TrainedNetworkSpec

FLOAT_BYTES = 4
# Weight, gradient and the optimiser's moments: SGD keeps one, Adam two. A victim's final weights are kept aside.
COPIES = {"sgd": 3, "adam": 4}
# Points of each member that judging takes at once, and of all members; a test compares.
JUDGED_AT_ONCE, MOST_JUDGED = 2000, 20_000
# Of a hidden unit, for each point of a batch: before and after the activation, its mask, and their gradients.
OF_A_UNIT = 6


def weights(inputs: int, network: NetworkSpec, outputs: int) -> int:
    """Weights and biases of a network."""
    return sum((size_in + 1) * size_out for size_in, size_out in pairwise([inputs, *network.widths, outputs]))


def stack_of_generators(attack: AttackConfig, features: int, classes: int, members: int, poison_points: int) -> int:
    """Bytes of ``members`` replicates in training, without the points that they are trained on.

    And in sampling so many ``poison_points`` of each afterwards, where that takes more.
    """
    return int(attack.make().stack_bytes(features, classes, members, poison_points))


def stack_of_victims(evaluation: EvaluationSpec, features: int, classes: int, members: int, points: int) -> int:
    """Bytes of ``members`` victims on ``points`` points each, trained and judged, their training sets included."""
    return int(evaluation.victim.make().stack_bytes(features, classes, members, points))


def stack_of_networks(victim: TrainedNetworkSpec, features: int, classes: int, members: int, points: int) -> int:
    """The same, of networks that are trained as one stack."""
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


def widest(network: NetworkSpec, outputs: int) -> int:
    """Features of a point on both sides of a layer or an activation, where these are most."""
    sizes = [*network.widths, outputs]
    return max(2 * max(sizes), *(size_in + size_out for size_in, size_out in pairwise([*sizes, 0])))
