"""How many networks one actor trains as one stack, where the spec says ``auto``."""

from bisect import bisect_right
from collections.abc import Callable
from typing import Protocol

from pgan_ray.cost import kept_size, stack_of_generators, stack_of_victims
from pgan_ray.spec import Configuration, DatasetSpec, Sweep, TaskSpec

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
    sweep: Sweep,
    sized_of: Callable[[DatasetSpec, TaskSpec], Sized],
    *,
    on_gpu: tuple[bool, bool],
    memory: tuple[int, int],
    slots: int,
) -> tuple[int, int]:
    """Networks per actor of stage 1 and of stage 2, where every configuration has room.

    Left to the machine, trials on cores are so small that each of the ``slots`` actors of stage 1 has several. On a GPU
    a stack of all replicates takes little longer than one of a single replicate (``infra/SCALING.md``).
    ``sized_of``: the sizes of a data set, of which a sweep may have several. ``on_gpu`` and ``memory``: of each stage,
    as for `trial_members`.
    """

    def sized(configuration: Configuration) -> Sized:
        return sized_of(configuration.settings.dataset, configuration.settings.task)

    trained = [c for c in sweep.configurations if c.settings.attack.is_trained]
    share = -(-sweep.generators // max(1, slots * TRIALS_OF_A_CORE))
    is_cut = sweep.resources.trial.members_per_actor == "auto" and not on_gpu[0]
    most = share if is_cut else sweep.generators
    of_trials = [trial_members(c, sized(c), on_gpu=on_gpu[0], memory=memory[0]) for c in trained]
    return (
        max(1, min([most, *of_trials])),
        min(victim_members(c, sized(c), on_gpu=on_gpu[1], memory=memory[1]) for c in sweep.configurations),
    )


def trial_members(configuration: Configuration, task: Sized, *, on_gpu: bool, memory: int) -> int:
    """Replicates of one trial: as the spec says, else all of them as far as memory reaches.

    ``memory``: bytes of main memory for each actor, which count where it does not train ``on_gpu``.
    """
    settings = configuration.settings
    resources = settings.resources.trial
    if resources.members_per_actor != "auto":
        return min(resources.members_per_actor, settings.attack.replicates)
    poison = max(variant.evaluation.poison_set_size for variant in configuration.variants)
    classes = len(settings.task.surrogate.classes)
    return _fitting(
        settings.attack.replicates,
        lambda members: stack_of_generators(settings.attack, task.features, classes, members, poison),
        _usable(on_gpu, resources.gpu, memory),
    )


def victim_members(configuration: Configuration, task: Sized, *, on_gpu: bool, memory: int) -> int:
    """Victims of one batch: as the spec says, else as many as help, as far as memory reaches.

    ``memory``: as for `trial_members`.
    """
    resources = configuration.settings.resources.evaluator
    if resources.members_per_actor != "auto":
        return resources.members_per_actor
    classes = len(configuration.settings.task.classes)
    evaluations = [variant.evaluation for variant in configuration.variants]
    sizes = [kept_size(of, classes, max(of.poison_fractions)) for of in evaluations]
    return _fitting(
        MOST_ON_GPU if on_gpu else MOST_ON_CPU,
        lambda members: max(
            stack_of_victims(evaluation, task.features, classes, members, size)
            for evaluation, size in zip(evaluations, sizes, strict=True)
        ),
        _usable(on_gpu, resources.gpu, memory),
    )


def _fitting(most: int, stack: Callable[[int], int], usable: int) -> int:
    """So many members, at most ``most`` and at least one, that the bytes of their ``stack`` are ``usable``."""
    return max(1, bisect_right(range(1, most + 1), usable, key=stack))


def _usable(on_gpu: bool, gpu_share: float, memory: int) -> int:
    return int((ASSUMED_GPU_BYTES * min(gpu_share, 1.0) if on_gpu else memory) * USABLE)
