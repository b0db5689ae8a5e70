"""What pGAN's training takes, by counting: operations, bytes moved, memory, and numbers that are stored.

Of one replicate, in float32. G's step needs the gradients of D and C by their inputs, not by their weights.
"""

from pgan_ray.attacks.pgan import PGanConfig
from pgan_ray.cost.networks import (
    COPIES,
    FLOAT_BYTES,
    OF_A_UNIT,
    gathered,
    outputs_of,
    passes,
    update,
    weights,
    widest,
)
from pgan_ray.cost.work import Work

SAMPLED_AT_ONCE = 1000  # points of each member


def generator_weights(attack: PGanConfig, features: int) -> int:
    """Weights of G as they are stored, batch norm's statistics among them."""
    generator = attack.generator
    norms = 4 * sum(generator.widths) if generator.batch_norm else 0
    return weights(generator.noise_features, generator, features) + norms


def iteration_work(attack: PGanConfig, features: int, classes: int = 2) -> Work:
    """One iteration of Algorithm 1, ``classes`` being those that C tells apart."""
    size, noise, generator = attack.batch_size, attack.generator.noise_features, attack.generator
    # The poison of all steps of D and C is made at once: G stands still.
    steps_of_critics = attack.discriminator_steps + attack.classifier_steps
    work = passes(steps_of_critics * size, noise, generator, features)
    for critic, outputs, steps in (
        (attack.discriminator, 1, attack.discriminator_steps),
        (attack.classifier, outputs_of(classes), attack.classifier_steps),
    ):
        # Genuine points are gathered, and put beside the poison.
        step = gathered(2 * size, features)
        step += passes(2 * size, features, critic, outputs, back_to="weights")
        step += update(critic.optimizer, weights(features, critic, outputs))
        # G's step goes through the critic, there and back.
        through = passes(size, features, critic, outputs, back_to="inputs")
        work += step.times(steps) + through.times(attack.generator_steps)
    own = passes(size, noise, generator, features, back_to="weights")
    own += update(generator.optimizer, generator_weights(attack, features))
    return work + own.times(attack.generator_steps)


def stack_bytes(attack: PGanConfig, features: int, classes: int, members: int, poison_points: int) -> int:
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
    made = joined * (attack.generator.noise_features + hidden + widest(attack.generator, features))
    # Genuine points and poison go through D, or C, side by side; then G's step goes through all three.
    step = attack.batch_size * OF_A_UNIT * max(2 * of_a_critic, widths)
    training = joined * features + max(made, step)
    # A set is made of parts, which live beside it for a moment.
    part = min(SAMPLED_AT_ONCE, poison_points)
    sampling = 2 * poison_points * features + part * widest(attack.generator, features)
    return FLOAT_BYTES * members * (kept + max(training, sampling))
