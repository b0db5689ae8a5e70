"""Bytes that a stack takes on the device that trains it, and how many weights its networks have."""

from itertools import pairwise

from pgan_ray.cost.flops import outputs_of
from pgan_ray.spec import AttackSpec, EvaluationSpec, NetworkSpec

FLOAT_BYTES = 4
# Weight, gradient and the optimiser's moments: SGD keeps one, Adam two. A victim's final weights are kept aside.
COPIES = {"sgd": 3, "adam": 4}
# Points of each member that sampling and judging take at once, and of all members that judging does; a test compares.
SAMPLED_AT_ONCE, JUDGED_AT_ONCE, MOST_JUDGED = 1000, 2000, 20_000
# Of a hidden unit, for each point of a batch: before and after the activation, its mask, and their gradients.
OF_A_UNIT = 6


def weights(inputs: int, network: NetworkSpec, outputs: int) -> int:
    """Weights and biases of a network."""
    return sum((size_in + 1) * size_out for size_in, size_out in pairwise([inputs, *network.widths, outputs]))


def generator_weights(attack: AttackSpec, features: int) -> int:
    """Weights of G as they are stored, batch norm's statistics among them."""
    generator = attack.generator
    norms = 4 * sum(generator.widths) if generator.batch_norm else 0
    return weights(generator.noise_features, generator, features) + norms


def stack_of_generators(attack: AttackSpec, features: int, classes: int, members: int, poison_points: int) -> int:
    """Bytes of ``members`` replicates in training, without the points that they are trained on.

    And in sampling so many ``poison_points`` of each afterwards, where that takes more.
    """
    own = generator_weights(attack, features)
    copies = COPIES[attack.generator.optimizer.name] + (attack.sample_from == "average")
    kept, hidden = copies * own, sum(attack.generator.widths)
    widths, of_a_critic = hidden + features, 0
    for critic, outputs in ((attack.discriminator, 1), (attack.classifier, outputs_of(classes))):
        kept += COPIES[critic.optimizer.name] * weights(features, critic, outputs)
        width = sum(critic.widths) + features
        widths, of_a_critic = widths + width, max(of_a_critic, width)
    # The poison of all steps of D and C is made at once, and stays until the iteration ends.
    joined = (attack.discriminator_steps + attack.classifier_steps) * attack.batch_size
    made = joined * (attack.generator.noise_features + hidden + _widest(attack.generator, features))
    # Genuine points and poison go through D, or C, side by side; then G's step goes through all three.
    step = attack.batch_size * OF_A_UNIT * max(2 * of_a_critic, widths)
    training = joined * features + max(made, step)
    # A set is made of parts, which live beside it for a moment.
    part = min(SAMPLED_AT_ONCE, poison_points)
    sampling = 2 * poison_points * features + part * _widest(attack.generator, features)
    return FLOAT_BYTES * members * (kept + max(training, sampling))


def stack_of_victims(evaluation: EvaluationSpec, features: int, classes: int, members: int, points: int) -> int:
    """Bytes of ``members`` victims on ``points`` points each, trained and judged, their training sets included."""
    victim = evaluation.victim
    sets = points * features
    if victim.name not in ("mlp", "logistic"):
        return FLOAT_BYTES * sets * (members + 4)  # one at a time, by scikit-learn's copies in doubles
    network = victim if victim.name == "mlp" else victim.model_copy(update={"widths": []})
    own = weights(features, network, outputs_of(classes))
    batch = victim.batch_size * (features + OF_A_UNIT * sum(network.widths))
    # The sets of all cells, and once more side by side in one tensor.
    training = members * ((COPIES[victim.optimizer.name] + 1) * own + batch + 2 * sets)
    # On top: what training had goes back to the system late, or not at all.
    judging = min(members * JUDGED_AT_ONCE, MOST_JUDGED) * _widest(network, outputs_of(classes))
    return FLOAT_BYTES * (training + judging)


def _widest(network: NetworkSpec, outputs: int) -> int:
    """Features of a point on both sides of a layer or an activation, where these are most."""
    sizes = [*network.widths, outputs]
    return max(2 * max(sizes), *(size_in + size_out for size_in, size_out in pairwise([*sizes, 0])))
