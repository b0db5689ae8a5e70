"""How many networks one actor trains as one stack, where the spec says ``auto``."""

from bisect import bisect_right
from collections.abc import Callable

from pgan_ray.cost.sweep import generators_bytes, poison_set_size, probe_bytes, victims_bytes
from pgan_ray.runner.executor import Offer, StageOffer
from pgan_ray.runner.limits import Sized, SizedOf
from pgan_ray.spec import Configuration, StageResources, Sweep

# Stacks beyond this gain nothing: a CPU is saturated by one such network, a GPU by some dozens.
MOST_ON_CPU, MOST_ON_GPU = 10, 100
# A core trains five replicates no faster in one stack than in five: short trials fill all cores up to stage 1's end,
# and give stage 2 its first generators early.
TRIALS_OF_A_CORE = 4
# A cluster's GPUs are not visible from the driver: assume the smallest that clouds still offer.
ASSUMED_GPU_BYTES = 15 * 2**30
USABLE = 0.6  # the rest is for the data, the libraries and the allocator


def members(sweep: Sweep, sized_of: SizedOf, offer: Offer) -> tuple[int, int]:
    """Networks per actor of stage 1 and of stage 2, where every configuration has room.

    Left to the machine, trials on cores are so small that each actor of stage 1 has several. On a GPU a stack of all
    replicates takes little longer than one of a single replicate (``infra/SCALING.md``). ``sized_of``: the sizes of a
    data set, of which a sweep may have several.
    """
    sized = [(c, sized_of(c.settings.dataset, c.settings.task)) for c in sweep.configurations]
    share = -(-sweep.generators // max(1, offer.trial.slots * TRIALS_OF_A_CORE))
    is_cut = sweep.resources.trial.members_per_actor == "auto" and not offer.trial.on_gpu
    of_trials = [trial_members(c, points, offer.trial) for c, points in sized if c.settings.attack.is_trained]
    return (
        max(1, min([share if is_cut else sweep.generators, *of_trials])),
        min(victim_members(c, points, offer.evaluator) for c, points in sized),
    )


def trial_members(configuration: Configuration, task: Sized, offer: StageOffer) -> int:
    """Replicates of one trial: as the spec says, else all of them as far as memory reaches."""
    settings = configuration.settings
    attack, resources = settings.attack, settings.resources.trial
    if resources.members_per_actor != "auto":
        return min(resources.members_per_actor, attack.replicates)
    poison, probe = poison_set_size(configuration), probe_bytes(configuration, task.features)
    return _fitting(
        attack.replicates,
        lambda most: generators_bytes(attack, settings.task, task.features, most, poison) + probe,
        resources,
        offer,
    )


def victim_members(configuration: Configuration, task: Sized, offer: StageOffer) -> int:
    """Victims of one batch: as the spec says, else as many as help, as far as memory reaches."""
    settings = configuration.settings
    resources = settings.resources.evaluator
    if resources.members_per_actor != "auto":
        return resources.members_per_actor
    return _fitting(
        MOST_ON_GPU if offer.on_gpu else MOST_ON_CPU,
        lambda most: max(
            victims_bytes(variant.evaluation, settings.task, task.features, most) for variant in configuration.variants
        ),
        resources,
        offer,
    )


def _fitting(most: int, stack: Callable[[int], int], resources: StageResources, offer: StageOffer) -> int:
    """So many members, at most ``most`` and at least one, that an actor has room for the bytes of their ``stack``."""
    has = ASSUMED_GPU_BYTES * min(resources.gpu, 1.0) if offer.on_gpu else offer.memory_bytes
    return max(1, bisect_right(range(1, most + 1), int(has * USABLE), key=stack))
