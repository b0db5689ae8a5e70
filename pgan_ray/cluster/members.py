"""How many networks one actor trains as one stack, where the spec says ``auto``."""

import itertools

from pgan_ray.data import TaskData
from pgan_ray.spec import Configuration, EvaluationSpec, NetworkSpec

# Stacks beyond this gain nothing: a CPU is saturated by one such network, a GPU by some dozens.
MOST_ON_CPU = 10
MOST_ON_GPU = 100
# A cluster's GPUs are not visible from the driver: assume the smallest that clouds still offer.
ASSUMED_GPU_BYTES = 15 * 2**30
USABLE = 0.6  # the rest is for the data, the libraries and the allocator
FLOAT_BYTES = 4


def trial_members(configuration: Configuration, task: TaskData, *, on_gpu: bool, memory: int) -> int:
    """Replicates of one trial: as the spec says, else all of them as far as memory reaches.

    ``memory``: bytes of main memory for each actor, which count where it does not train ``on_gpu``.
    """
    settings = configuration.settings
    resources = settings.resources.trial
    if resources.members_per_actor != "auto":
        return min(resources.members_per_actor, settings.attack.replicates)
    attack = settings.attack
    generator, critics = attack.generator, (attack.discriminator, attack.classifier)
    weights = _weights(generator.noise_features, generator, task.features)
    weights += sum(_weights(task.features, critic, len(task.classes)) for critic in critics)
    widths = [*generator.widths, *(w for critic in critics for w in critic.widths), 3 * task.features]
    # Weights, gradients, two moments and the average; activations and masks of genuine and poison points.
    each = FLOAT_BYTES * (5 * weights + 2 * attack.batch_size * 3 * sum(widths))
    return max(1, min(attack.replicates, _usable(on_gpu, resources.gpu, memory) // each))


def victim_members(configuration: Configuration, task: TaskData, *, on_gpu: bool, memory: int) -> int:
    """Victims of one batch: as the spec says, else as many as help, as far as memory reaches.

    ``memory``: as for `trial_members`.
    """
    resources = configuration.settings.resources.evaluator
    if resources.members_per_actor != "auto":
        return resources.members_per_actor
    each = max(_victim_bytes(variant.evaluation, task) for variant in configuration.variants)
    most = MOST_ON_GPU if on_gpu else MOST_ON_CPU
    return max(1, min(most, _usable(on_gpu, resources.gpu, memory) // each))


def _victim_bytes(evaluation: EvaluationSpec, task: TaskData) -> int:
    victim = evaluation.victim
    points = evaluation.train_per_class * len(task.classes)
    weights = _weights(task.features, victim, len(task.classes))
    return FLOAT_BYTES * (4 * weights + 2 * points * task.features + victim.batch_size * 6 * sum(victim.widths))


def _weights(inputs: int, network: NetworkSpec, outputs: int) -> int:
    sizes = [inputs, *network.widths, outputs]
    return sum((size_in + 1) * size_out for size_in, size_out in itertools.pairwise(sizes))


def _usable(on_gpu: bool, gpu_share: float, memory: int) -> int:
    return int((ASSUMED_GPU_BYTES * min(gpu_share, 1.0) if on_gpu else memory) * USABLE)
