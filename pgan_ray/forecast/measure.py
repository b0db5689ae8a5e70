"""This machine's pace at a sweep's own stacks: short runs of the components, on points in the place of the data's.

Busy cores slow each other down, so all cores but one multiply matrices meanwhile. Stacks take turns, so that a noisy
machine is noisy to all. What counts is the time that the runs had their core: what others take of the machine just
now is told, and not taken for the sweep's pace. Of several threads that time cannot be told, since parts of the work
are serial: theirs is the clock's.
"""

import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from pgan_ray.attacks import Member, PoisonSet, train_stack
from pgan_ray.cost import Points
from pgan_ray.data import TaskData
from pgan_ray.evaluation import evaluate_cells
from pgan_ray.forecast.pace import LOCAL_START_S, Pace, Sample, Stack
from pgan_ray.spec import Cell, TaskSpec

MOST_OF_A_KIND = 3
MOST_BYTES = 2**29  # of a run; what takes more is reckoned by its operations
MOST_TRAINED, MOST_TESTED = 1000, 100  # points of a class that a run has
LONGEST_S, SHORTEST_S = 0.25, 0.03  # of a run
GEMM_SIZE = 1024
CPU = torch.device("cpu")

Run = Callable[[int], object]


def chosen(stacks: Sequence[Stack], most: int = MOST_OF_A_KIND) -> list[Stack]:
    """Those of a sweep's ``stacks`` to measure: some of every kind, from the largest to the smallest."""
    kinds: dict[str, dict[str, Stack]] = {}
    for stack in sorted(stacks, key=lambda s: s.size, reverse=True):
        kinds.setdefault(stack.kind, {}).setdefault(f"{stack.size:.1g}", stack)
    spread = {kind: sorted({round(i * (len(of) - 1) / (most - 1)) for i in range(most)}) for kind, of in kinds.items()}
    return [list(kinds[kind].values())[index] for kind, indices in spread.items() for index in indices]


def measure(stacks: Sequence[Stack], *, actors: int, budget_s: float) -> Pace:
    """The pace of one of ``actors`` that are busy at once, measured for about ``budget_s``."""
    threads = torch.get_num_threads()
    turn_s = min(LONGEST_S, max(SHORTEST_S, budget_s / 5 / max(1, len(stacks))))
    small = [(stack, reduced(stack, turn_s)) for stack in stacks]
    small = [(whole, part) for whole, part in small if part.bytes <= MOST_BYTES and sum(part.parts_s) <= budget_s]
    torch.set_flush_denormal(True)
    try:
        with _busy((actors - 1) * max((stack.threads for stack in stacks), default=1)):
            brief = any(stack.settings.precision == "bf16" for stack in stacks)
            return _measure(small, brief, actors, budget_s, turn_s)
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)


def _measure(small: Sequence[tuple[Stack, Stack]], brief: bool, actors: int, budget_s: float, turn_s: float) -> Pace:
    dtypes = [torch.float32, torch.bfloat16] if brief else [torch.float32]
    runs: list[tuple[int, int, Run]] = [(1, 1, partial(_product, dtype)) for dtype in dtypes]  # threads, units
    for _, part in small:
        unit, work = part.parts_s[0], _run(part)
        several = max(2, min(part.units, int(turn_s / unit))) if unit else 1
        runs += [(part.threads, units, work) for units in (1, several)]
    end, turns = time.perf_counter() + budget_s, [[_turn(*run)] for run in runs]
    while time.perf_counter() < end:
        for run, took in zip(runs, turns, strict=True):
            if time.perf_counter() < end:
                took.append(_turn(*run))
    # The first turn of each fills caches and starts libraries.
    medians = [statistics.median(seconds for seconds, _ in took[1:] or took) for took in turns]
    rates = [2.0 * GEMM_SIZE**3 / took for took in medians[: len(dtypes)]]
    found, of_stacks = medians[len(dtypes) :], runs[len(dtypes) :]
    samples = []
    for (whole, part), one, many, (_, units, _) in zip(small, found[::2], found[1::2], of_stacks[1::2], strict=True):
        each = max((many - one) / (units - 1), many / units / 2) if units > 1 else 0.0
        assumed, rest = part.parts_s
        ratios = each / assumed if assumed else 0.0, max(one - each, 0.0) / rest if rest else 0.0
        samples.append(Sample(whole.kind, whole.size, *ratios))
    share = statistics.fmean(share for took in turns for _, share in took)
    return Pace(
        start_s=LOCAL_START_S,
        samples=tuple(samples),
        actors=actors,
        gemm_rate=rates[-1],
        float32_rate=rates[0],
        share=share,
    )


def reduced(stack: Stack, turn_s: float) -> Stack:
    """A stack like ``stack`` that takes about ``turn_s`` for a unit: an epoch of fewer points, and fewer members."""
    if stack.evaluation is not None:
        of, classes = stack.evaluation, len(stack.settings.task.classes)
        test = {label: min(points, MOST_TESTED) for label, points in stack.points.test.items()}
        fewest = max(MOST_TESTED, getattr(of.victim, "batch_size", 0) // classes)  # of a class: a full step or more
        train = max(min(of.train_per_class, fewest), int(of.train_per_class * min(1.0, turn_s / stack.size)))
        of = of.model_copy(update={"train_per_class": train})
        of = of.model_copy(update={"poison_set_size": max(1, of.poison_count(stack.fraction, classes))})
        stack = replace(stack, evaluation=of, points=replace(stack.points, test=test))
    return replace(stack, members=max(1, min(stack.members, int(stack.members * turn_s / stack.size))))


def _turn(threads: int, units: int, run: Run) -> tuple[float, float]:
    """Seconds for which a run had its core, and their share of the clock's."""
    torch.set_num_threads(threads)
    start, used = time.perf_counter(), time.thread_time()
    run(units)
    took, used = time.perf_counter() - start, time.thread_time() - used
    return (took, 1.0) if threads > 1 else (max(used, 1e-9), min(1.0, used / took))


def _run(stack: Stack) -> Run:
    settings, evaluation = stack.settings, stack.evaluation
    if evaluation is None:
        task = stand_in_task(settings.task.surrogate, stack.points, most=MOST_TRAINED)
        every = [Member(r, 0, settings.attack) for r in range(stack.members)]
        return train_stack(settings.attack, every, task, device=CPU, precision=settings.precision).train
    task = stand_in_task(
        settings.task, stack.points, most=evaluation.trusted_per_class + 2 * evaluation.train_per_class
    )
    poison = stand_in_poison(task, evaluation.poison_set_size)
    cells = [Cell("", 0, "", stack.fraction, run) for run in range(stack.members)]
    return lambda units: evaluate_cells(
        cells, stack.of_units(units) or evaluation, task, poison, seed=0, device=CPU, precision=settings.precision
    )


def _product(dtype: torch.dtype, units: int) -> None:
    a = torch.ones(GEMM_SIZE, GEMM_SIZE, dtype=dtype)
    torch.mm(a, a)


@contextmanager
def _busy(cores: int) -> Iterator[None]:
    """Within: so many other cores multiply matrices."""
    ended = threading.Event()

    def work() -> None:
        torch.set_num_threads(1)
        while not ended.is_set():
            _product(torch.float32, 1)

    others = [threading.Thread(target=work, daemon=True) for _ in range(cores)]
    for other in others:
        other.start()
    try:
        yield
    finally:
        ended.set()
        for other in others:
            other.join()


def stand_in_task(spec: TaskSpec, points: Points, *, most: int) -> TaskData:
    """Clouds with as many points as the data has, of a class ``most`` for training."""
    rng = np.random.default_rng(0)
    means = rng.standard_normal((len(spec.labels), points.features), dtype=np.float32) / 2

    def clouds(sizes: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        noise = [rng.standard_normal((size, points.features), dtype=np.float32) for size in sizes]
        x = torch.from_numpy(np.concatenate([mean + part for mean, part in zip(means, noise, strict=True)])).tanh_()
        return x, torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))

    train_x, train_y = clouds([min(points.train[label], most) for label in spec.labels])
    test_x, test_y = clouds([points.test[label] for label in spec.labels])
    poison, source = spec.labels.index(spec.poison_class), spec.labels.index(spec.source_class)
    return TaskData(train_x, train_y, test_x, test_y, tuple(spec.labels), poison, source, None)


def stand_in_poison(task: TaskData, size: int) -> PoisonSet:
    """A poison set of ``size`` points between the classes."""
    rng = np.random.default_rng(1)
    noise = torch.from_numpy(rng.standard_normal((size, task.features), dtype=np.float32))
    return PoisonSet(torch.tanh(task.train_x.mean(0) + noise))
