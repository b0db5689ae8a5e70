"""What pGAN's training takes, by counting: operations, bytes moved, memory, and numbers that are stored.

Of one replicate, in float32. G's step needs the gradients of D and C by their inputs, not by their weights.
"""

from pgan_ray.attacks.pgan import PGanConfig
from pgan_ray.cost import Work
from pgan_ray.cost.devices import tiles
from pgan_ray.cost.flops import forward, outputs_of, trained
from pgan_ray.cost.memory import COPIES, FLOAT_BYTES, OF_A_UNIT, weights, widest
from pgan_ray.cost.traffic import KERNELS_OF_A_STEP, backward_traffic, forward_traffic, update_bytes

SAMPLED_AT_ONCE = 1000  # points of each member, as the engine samples them; a test compares


def generator_weights(attack: PGanConfig, features: int) -> int:
    """Weights of G as they are stored, batch norm's statistics among them."""
    generator = attack.generator
    norms = 4 * sum(generator.widths) if generator.batch_norm else 0
    return weights(generator.noise_features, generator, features) + norms


def iteration_flop(attack: PGanConfig, features: int, classes: int = 2) -> int:
    """Operations of one iteration of Algorithm 1, ``classes`` being those that C tells apart."""
    generator = forward(attack.generator.noise_features, attack.generator, features)
    critics = ((attack.discriminator, 1), (attack.classifier, outputs_of(classes)))
    of_d, of_c = (trained(features, critic, outputs) for critic, outputs in critics)
    through = sum(2 * forward(features, critic, outputs) for critic, outputs in critics)
    point = attack.discriminator_steps * (generator + 2 * of_d)
    point += attack.classifier_steps * (generator + 2 * of_c)
    own = trained(attack.generator.noise_features, attack.generator, features)
    point += attack.generator_steps * (own + through)
    return attack.batch_size * point


def iteration_work(attack: PGanConfig, features: int, classes: int = 2) -> Work:
    """One iteration of Algorithm 1."""
    size, noise = attack.batch_size, attack.generator.noise_features
    moved = kernels = 0.0
    for critic, outputs, steps in (
        (attack.discriminator, 1, attack.discriminator_steps),
        (attack.classifier, outputs_of(classes), attack.classifier_steps),
    ):
        parts = (
            forward_traffic(size, noise, attack.generator, features),
            (FLOAT_BYTES * 4.0 * size * features, 2),  # genuine points are gathered, and put beside the poison
            forward_traffic(2 * size, features, critic, outputs),
            backward_traffic(2 * size, features, critic, outputs, of_weights=True, of_inputs=False),
            (update_bytes(critic.optimizer, weights(features, critic, outputs)), KERNELS_OF_A_STEP),
        )
        moved += steps * sum(part[0] for part in parts)
        kernels += steps * sum(part[1] for part in parts)
        # G's step goes through the critic, there and back.
        through = (
            forward_traffic(size, features, critic, outputs),
            backward_traffic(size, features, critic, outputs, of_weights=False, of_inputs=True),
        )
        moved += attack.generator_steps * sum(part[0] for part in through)
        kernels += attack.generator_steps * sum(part[1] for part in through)
    own = (
        forward_traffic(size, noise, attack.generator, features),
        backward_traffic(size, noise, attack.generator, features, of_weights=True, of_inputs=False),
        (update_bytes(attack.generator.optimizer, generator_weights(attack, features)), KERNELS_OF_A_STEP),
    )
    moved += attack.generator_steps * sum(part[0] for part in own)
    kernels += attack.generator_steps * sum(part[1] for part in own)
    return Work(iteration_flop(attack, features, classes), moved, kernels)


def iteration_tiles(attack: PGanConfig) -> int:
    """Tiles of the narrowest hidden layer's product."""
    networks = (attack.generator, attack.discriminator, attack.classifier)
    return tiles(attack.batch_size, min((width for network in networks for width in network.widths), default=1))


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
