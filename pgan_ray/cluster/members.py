"""How many networks one actor trains as one stack, where the spec says ``auto``."""

from typing import Protocol

from pgan_ray.cost import kept_size, stack_of_generators, stack_of_victims
from pgan_ray.spec import Configuration, Sweep

# Stacks beyond this gain nothing: a CPU is saturated by one such network, a GPU by some dozens.
MOST_ON_CPU = 10
MOST_ON_GPU = 100
# A core trains five replicates no faster in one stack than in five: short trials fill all cores up to stage 1's end,
# and give stage 2 its first generators early.
TRIALS_OF_A_CORE = 4
# A cluster's GPUs are not visible from the driver: assume the smallest that clouds still offer.
ASSUMED_GPU_BYTES = 15 * 2**30
USABLE = 0.6  # the rest is for the data, the libraries and the allocator


class Sized(Protocol):
    """A task, or the known sizes of one."""

    @property
    def features(self) -> int:
        """Of each point."""
        ...


def members(
    sweep: Sweep, task: Sized, *, on_gpu: tuple[bool, bool], memory: tuple[int, int], slots: int
) -> tuple[int, int]:
    """Networks per actor of stage 1 and of stage 2, where every configuration has room.

    Left to the machine, trials on cores are so small that each of the ``slots`` actors of stage 1 has several. On a GPU
    a stack of all replicates takes little longer than one of a single replicate (``infra/SCALING.md``).
    ``on_gpu`` and ``memory``: of each stage, as for `trial_members`.
    """
    trained = [c for c in sweep.configurations if c.settings.attack.is_trained]
    share = -(-sweep.generators // max(1, slots * TRIALS_OF_A_CORE))
    is_cut = sweep.resources.trial.members_per_actor == "auto" and not on_gpu[0]
    most = share if is_cut else sweep.generators
    of_trials = [trial_members(c, task, on_gpu=on_gpu[0], memory=memory[0]) for c in trained]
    return (
        max(1, min([most, *of_trials])),
        min(victim_members(c, task, on_gpu=on_gpu[1], memory=memory[1]) for c in sweep.configurations),
    )


def trial_members(configuration: Configuration, task: Sized, *, on_gpu: bool, memory: int) -> int:
    """Replicates of one trial: as the spec says, else all of them as far as memory reaches.

    ``memory``: bytes of main memory for each actor, which count where it does not train ``on_gpu``.
    """
    settings = configuration.settings
    resources = settings.resources.trial
    if resources.members_per_actor != "auto":
        return min(resources.members_per_actor, settings.attack.replicates)
    each = stack_of_generators(settings.attack, task.features, len(settings.task.surrogate.classes), 1)
    return max(1, min(settings.attack.replicates, _usable(on_gpu, resources.gpu, memory) // each))


def victim_members(configuration: Configuration, task: Sized, *, on_gpu: bool, memory: int) -> int:
    """Victims of one batch: as the spec says, else as many as help, as far as memory reaches.

    ``memory``: as for `trial_members`.
    """
    resources = configuration.settings.resources.evaluator
    if resources.members_per_actor != "auto":
        return resources.members_per_actor
    classes = len(configuration.settings.task.classes)
    each = max(
        stack_of_victims(v.evaluation, task.features, classes, 1, kept_size(v.evaluation, classes, fraction))
        for v in configuration.variants
        for fraction in v.evaluation.poison_fractions
    )
    most = MOST_ON_GPU if on_gpu else MOST_ON_CPU
    return max(1, min(most, _usable(on_gpu, resources.gpu, memory) // each))


def _usable(on_gpu: bool, gpu_share: float, memory: int) -> int:
    return int((ASSUMED_GPU_BYTES * min(gpu_share, 1.0) if on_gpu else memory) * USABLE)
