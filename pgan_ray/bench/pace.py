"""This machine's pace at a sweep's own shapes: short runs of the engine, in as many processes as actors will share it.

Busy cores slow each other down, and small networks spend more on the way around their products than on these: neither
shows in a rate of matrix products, which is measured beside them for comparison alone. Contenders take turns, so that
a noisy machine is noisy to all. What counts is the time that a process had its core: what others take of the machine
just now is told, and not taken for the sweep's pace. Of several threads that time cannot be told, since parts of the
work are serial: theirs is the clock's.
"""

import math
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from threading import BrokenBarrierError
from typing import Any

import torch

from pgan_ray.attacks import Member
from pgan_ray.bench.shapes import BatchShape, Key, TrialShape, family, kind, whole
from pgan_ray.bench.stand_in import stand_in_attack, stand_in_task
from pgan_ray.cost import (
    BATCH_S,
    DEVICES,
    TRIAL_S,
    Points,
    iterations,
    kept_size,
    victim_step_work,
)
from pgan_ray.errors import PganRayError
from pgan_ray.evaluation import poisoned_training_set
from pgan_ray.spec import Cell, EvaluationSpec, Settings
from pgan_ray.victims import judge_victims
from pgan_ray.victims.engines.stack import VictimTraining

TURN_S = 0.25
TURN_FLOP = 2e10  # of a turn at most: a heavy stack is measured with fewer members, a long epoch by fewer steps
SET_BYTES = 2**28  # of a stack's training sets at most, likewise
MOST_BYTES = 2**30  # of a run's one member; what takes more is reckoned by its operations
SOON_BYTES = 2**28  # likewise, beside a sweep that is about to start
SOON_FLOP = 1e9  # of a turn, where the measurement has to be short
MOST_SHAPES = 6  # of a stage are measured; the others go by their operations
BRIEF_S = 2.0  # a shorter budget counts the warm-up too
JOIN_S = 120.0
GEMM_SIZE = 1024
GEMM_SHARE = 0.5  # of the rate of products, where nothing like a shape was measured
ENDLESS = 2**40
GEMM = ("gemm",)


@dataclass(frozen=True)
class MeasuredPace:
    """Seconds of one actor while all of the machine's actors are busy.

    ``seconds``: by a shape's key, of an iteration (trials), or of an epoch and of what one cell takes beside (batches).
    ``gemm_rate``: FLOP/s of each process beside the others. ``start_s``: of a new process, until it can train.
    ``share``: of their cores that the processes got; less than all of it where others use the machine too. Of several
    threads it is not known, and 1.
    """

    seconds: dict[Key, tuple[float, float]]
    shapes: "tuple[TrialShape | BatchShape, ...]"
    gemm_rate: float
    start_s: float
    processes: int
    share: float = 1.0

    def trial_s(self, settings: Settings, points: Points, members: int) -> float:
        """As `pgan_ray.cost.Pace.trial_s`."""
        iteration, _ = self._of(TrialShape(settings, points, members))
        return TRIAL_S + iterations(settings, points) * iteration

    def batch_s(
        self, settings: Settings, evaluation: EvaluationSpec, points: Points, members: int, fraction: float
    ) -> float:
        """As `pgan_ray.cost.Pace.batch_s`."""
        shape = BatchShape(settings, evaluation, points, members, fraction)
        epoch, cell = self._of(shape)
        return BATCH_S + members * cell + (shape.epochs * epoch if shape.is_stack else 0.0)

    def _of(self, shape: TrialShape | BatchShape) -> tuple[float, float]:
        if shape.key in self.seconds:
            return self.seconds[shape.key]
        # The nearest one that was measured, by its operations.
        alike = [s for s in self.shapes if family(s) == family(shape) and s.key in self.seconds]
        if not alike and isinstance(shape, BatchShape) and not shape.is_stack:
            return 0.0, shape.flop / DEVICES["cpu"].host_rate
        if not alike:
            return whole(shape) / (GEMM_SHARE * self.gemm_rate), 0.0
        near = min(alike, key=lambda s: (kind(s) != kind(shape), abs(math.log(whole(s) / whole(shape)))))
        scale = whole(shape) / whole(near)
        loop, cell = self.seconds[near.key]
        return loop * scale, cell * (scale * near.members / shape.members if isinstance(shape, BatchShape) else 1.0)


def chosen_shapes(shapes: Sequence[TrialShape | BatchShape]) -> list[TrialShape | BatchShape]:
    """Those of a sweep's ``shapes`` to measure: of each stage about `MOST_SHAPES`, and some of every kind."""
    chosen: list[TrialShape | BatchShape] = []
    for stage in (TrialShape, BatchShape):
        light = [shape for shape in shapes if isinstance(shape, stage) and shape.bytes <= MOST_BYTES]
        distinct = {shape.key: shape for shape in light}
        by_kind: dict[str, list[TrialShape | BatchShape]] = {}
        for shape in sorted(distinct.values(), key=whole, reverse=True):  # the heaviest counts most
            by_kind.setdefault(kind(shape), []).append(shape)
        for alike in by_kind.values():
            most = max(1, MOST_SHAPES // len(by_kind))
            chosen += alike[:: -(-len(alike) // most)]
    return chosen


def measure_pace(shapes: Sequence[TrialShape | BatchShape], *, processes: int, budget_s: float) -> MeasuredPace:
    """Measure the ``shapes`` for about ``budget_s`` in each of ``processes`` at once.

    Raises `PganRayError` where one of these ends before it has measured, as the system ends those that take too much
    memory, or where they are not ready together.
    """
    distinct = tuple({shape.key: shape for shape in shapes}.values())
    context = multiprocessing.get_context("spawn")  # Ray's workers are fresh processes too
    begun = time.time()
    with ProcessPoolExecutor(processes, context, _join, (context.Barrier(processes, timeout=JOIN_S),)) as pool:
        futures = [pool.submit(_measure_beside, (distinct, budget_s, TURN_FLOP)) for _ in range(processes)]
        # What went wrong in one of them, and not that the others did not wait for it.
        faults = sorted(filter(None, (f.exception() for f in futures)), key=lambda e: isinstance(e, BrokenBarrierError))
    if faults and isinstance(faults[0], BrokenProcessPool):
        raise PganRayError(
            f"each of the {processes} processes that measure this machine must live to the end, but the system ended "
            "one: is memory short? `--device cpu` reckons without a measurement"
        )
    if faults and isinstance(faults[0], BrokenBarrierError):
        raise PganRayError(
            f"each of the {processes} processes that measure this machine must be ready within {JOIN_S:g} s of the "
            "first, but one was not: is the machine busy? `--device cpu` reckons without a measurement"
        )
    if faults:
        raise faults[0]
    found = [future.result() for future in futures]
    return _merged(found, distinct, begun, processes)


def measure_here(shapes: Sequence[TrialShape | BatchShape], *, budget_s: float) -> MeasuredPace:
    """The same, rougher and sooner: in this process, with nobody beside it, the lightest networks of each stage."""
    before = torch.get_num_threads()
    light = [shape for shape in sorted(shapes, key=whole) if shape.bytes <= SOON_BYTES]
    networks = [shape for shape in light if isinstance(shape, TrialShape) or shape.is_stack]
    chosen = list({family(shape): shape for shape in reversed(networks)}.values())
    try:
        found = _measure((chosen, budget_s, SOON_FLOP))
    finally:
        torch.set_num_threads(before)
        torch.set_flush_denormal(False)
    return _merged([found], tuple(chosen), time.time(), 1)


_barrier: Any = None


def _join(barrier: Any) -> None:
    global _barrier
    _barrier = barrier


@dataclass(frozen=True)
class _Found:
    ready: float
    seconds: dict[Key, float]
    share: float


def _merged(
    found: Sequence[_Found], chosen: tuple[TrialShape | BatchShape, ...], begun: float, processes: int
) -> MeasuredPace:
    mean = {key: statistics.fmean(one.seconds[key] for one in found) for key in found[0].seconds}
    seconds = {
        shape.key: (mean.get(("loop", *shape.key), 0.0), mean.get(("cell", *shape.key), 0.0)) for shape in chosen
    }
    start_s = max(0.0, statistics.fmean(one.ready for one in found) - begun)
    share = statistics.fmean(one.share for one in found)
    return MeasuredPace(seconds, chosen, 2.0 * GEMM_SIZE**3 / mean[GEMM], start_s * share, processes, share)


@dataclass
class _Contender:
    """``run(units)`` does as many units on ``threads``; one of them stands for ``scale`` of the shape's own."""

    key: Key
    run: Callable[[int], None]
    scale: float
    threads: int
    units: int = 1
    once: bool = False  # too slow for turns: its first run counts


Given = tuple[Sequence[TrialShape | BatchShape], float, float]  # shapes, budget_s, FLOP of a turn


def _measure_beside(given: Given) -> _Found:
    """As `_measure`, beginning when all processes are ready; where one fails, none waits for it."""
    try:
        return _measure(given, lambda: _barrier.wait())
    except BaseException:
        _barrier.abort()
        raise


def _measure(given: Given, wait: Callable[[], object] = lambda: None) -> _Found:
    shapes, budget_s, turn_flop = given
    torch.set_flush_denormal(True)
    ready = time.time()
    threads = max((shape.threads for shape in shapes), default=1)
    contenders = [_gemm(threads), *(c for shape in shapes for c in _contenders(shape, turn_flop))]
    wait()
    end = time.perf_counter() + budget_s
    turns: dict[Key, list[float]] = {contender.key: [] for contender in contenders}
    shares = []
    for contender in contenders:  # caches, the allocator, and how many units make a turn
        took, share = _turn(contender)
        shares.append(share)
        contender.once = took > TURN_S * 4
        contender.units = max(1, min(1000, round(TURN_S / 2 / took)))
        if contender.once or budget_s < BRIEF_S:
            turns[contender.key].append(took)

    def is_due(contender: _Contender) -> bool:
        had = len(turns[contender.key])
        if time.perf_counter() >= end:
            return had == 0  # the warm-up may outlast the budget
        return had < 2 or not contender.once

    while due := list(filter(is_due, contenders)):
        for contender in due:
            took, share = _turn(contender)
            turns[contender.key].append(took)
            shares.append(share)
    seconds = {c.key: statistics.median(turns[c.key]) * c.scale for c in contenders}
    return _Found(ready, seconds, statistics.fmean(shares))


def _turn(contender: _Contender) -> tuple[float, float]:
    """Seconds of one unit, while the process had its core; and the share of the turn in which it had it."""
    torch.set_num_threads(contender.threads)
    start, used = time.perf_counter(), time.process_time()
    contender.run(contender.units)
    took, used = time.perf_counter() - start, max(1e-9, time.process_time() - used)
    if contender.threads > 1:
        return took / contender.units, 1.0
    return used / contender.units, min(1.0, used / took)


def _gemm(threads: int) -> _Contender:
    a, b = torch.randn(2, GEMM_SIZE, GEMM_SIZE, generator=torch.Generator().manual_seed(0))

    def run(units: int) -> None:
        for _ in range(units):
            torch.mm(a, b)

    return _Contender(GEMM, run, 1.0, threads)


def _contenders(shape: TrialShape | BatchShape, turn_flop: float) -> Iterator[_Contender]:
    if isinstance(shape, TrialShape):
        yield _trial(shape, turn_flop)
        return
    if shape.is_stack:
        yield _epoch(shape, turn_flop)
    yield _cell(shape)


def _trial(shape: TrialShape, turn_flop: float) -> _Contender:
    settings = shape.settings
    members = max(1, min(shape.members, int(turn_flop / shape.flop), MOST_BYTES // shape.bytes))
    task = stand_in_task(settings.task.surrogate, shape.points, most=1000)
    stack = settings.attack.make().train(
        [Member(r, 0, settings.attack) for r in range(members)],
        task,
        device=torch.device("cpu"),
        precision=settings.precision,
    )
    return _Contender(("loop", *shape.key), stack.train, shape.members / members, shape.threads)


def _epoch(shape: BatchShape, turn_flop: float) -> _Contender:
    """An epoch of the stack, or as many steps of it as make a turn.

    The training goes on from turn to turn: what a stack takes before its first step is the cell's.
    """
    assert shape.network is not None
    victim, classes, features = shape.network, len(shape.settings.task.classes), shape.points.features
    size = kept_size(shape.evaluation, classes, shape.fraction)
    steps = -(-size // victim.batch_size)
    step = victim_step_work(victim, features, classes).flop
    members = min(shape.members, int(turn_flop / step), SET_BYTES // (4 * size * features), MOST_BYTES // shape.bytes)
    members = max(1, members)
    unit = max(1, min(steps, int(turn_flop / (members * step))))
    random = torch.Generator().manual_seed(0)
    training = VictimTraining(
        victim.model_copy(update={"epochs": ENDLESS}),
        torch.rand(members, size, features, generator=random) * 2 - 1,
        torch.randint(classes, (members, size), generator=random),
        [size] * members,
        classes=classes,
        initial_seeds=range(members),
        stack_seed=0,
        device=torch.device("cpu"),
        precision=shape.settings.precision,
    )
    # Turns that are parts of an epoch are mostly of full steps, and its last one is a short one.
    full = steps if unit == steps else size / victim.batch_size
    scale = shape.members / members * full / unit
    return _Contender(("loop", *shape.key), lambda units: training.run(units * unit), scale, shape.threads)


def _cell(shape: BatchShape) -> _Contender:
    """What a cell takes beside its epochs: split, detectors, networks, scores; of scikit-learn's victims all of it."""
    evaluation, spec = shape.evaluation, shape.settings.task
    task = stand_in_task(spec, shape.points, most=evaluation.trusted_per_class + 2 * evaluation.train_per_class)
    attack = stand_in_attack(task, evaluation.poison_set_size)
    cell = Cell("", 0, "", shape.fraction, 0)
    brief = {"epochs": 1} if shape.is_stack else {}
    judged = evaluation.model_copy(update={"victim": evaluation.victim.model_copy(update=brief)})

    def run(units: int) -> None:
        for _ in range(units):
            found = poisoned_training_set(judged, task, attack, cell, 0)
            if not judged.victim.trains:
                continue
            # Of a stack only the judging is wanted; its one step is little beside it.
            few = slice(None) if not shape.is_stack else slice(0, None, max(1, len(found.x) // 8))
            judge_victims(
                judged.victim,
                [(found.x[few], found.y[few])],
                task.test_x,
                task.test_y,
                classes=len(task.classes),
                image_shape=task.image_shape,
                seeds=[0],
                stack_seed=0,
                device=torch.device("cpu"),
                precision=shape.settings.precision,
            )

    return _Contender(("cell", *shape.key), run, 1.0, shape.threads)
