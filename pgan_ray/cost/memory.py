"""Bytes that a stack takes on the device that trains it, and how many weights its networks have."""

from itertools import pairwise

from pgan_ray.cost.flops import outputs_of
from pgan_ray.spec import AttackSpec, EvaluationSpec, NetworkSpec

FLOAT_BYTES = 4
# Weight, gradient and the optimiser's moments: SGD keeps one, Adam two. A victim's final weights are kept aside.
COPIES = {"sgd": 3, "adam": 4}
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


def stack_of_generators(attack: AttackSpec, features: int, classes: int, members: int) -> int:
    """Bytes of ``members`` replicates in training, without the points that they are trained on."""
    own = generator_weights(attack, features)
    copies = COPIES[attack.generator.optimizer.name] + (attack.sample_from == "average")
    kept = copies * own
    widths = sum(attack.generator.widths) + features
    for critic, outputs in ((attack.discriminator, 1), (attack.classifier, outputs_of(classes))):
        kept += COPIES[critic.optimizer.name] * weights(features, critic, outputs)
        widths += sum(critic.widths) + features
    # Genuine points and poison go through D and C side by side.
    return FLOAT_BYTES * members * (kept + 2 * attack.batch_size * OF_A_UNIT * widths)


def stack_of_victims(evaluation: EvaluationSpec, features: int, classes: int, members: int, points: int) -> int:
    """Bytes of ``members`` victims in training on ``points`` points each, their training sets included."""
    victim = evaluation.victim
    sets = FLOAT_BYTES * points * features
    if victim.name not in ("mlp", "logistic"):
        return members * 3 * sets  # scikit-learn's copy, in doubles
    network = victim if victim.name == "mlp" else victim.model_copy(update={"widths": []})
    kept = (COPIES[victim.optimizer.name] + 1) * weights(features, network, outputs_of(classes))
    batch = victim.batch_size * (features + OF_A_UNIT * sum(network.widths))
    # The sets of all cells, and once more side by side in one tensor.
    return members * (FLOAT_BYTES * (kept + batch) + 2 * sets)
