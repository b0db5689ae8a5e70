"""This machine's pace at a sweep's own shapes: short runs of the engine, in as many processes as actors will share it.

Busy cores slow each other down, and small networks spend more on the way around their products than on these: neither
shows in a rate of matrix products, which is measured beside them for comparison alone. Contenders take turns, so that
a noisy machine is noisy to all. What counts is the time that a process had its core: what others take of the machine
just now is told, and not taken for the sweep's pace.
"""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from pgan_ray.attacks import Member, PGan
from pgan_ray.bench.stand_in import stand_in_attack, stand_in_task
from pgan_ray.cost import (
    BATCH_S,
    TRIAL_S,
    Points,
    cell_work,
    iterations,
    kept_size,
    pgan_iteration_work,
    poisoned_size,
    victim_step_work,
)
from pgan_ray.evaluation import poisoned_training_set
from pgan_ray.spec import Cell, EvaluationSpec, Settings, VictimSpec
from pgan_ray.victims import judge_victims, train_victims

TURN_S = 0.25
TURN_FLOP = 2e10  # of a turn at most: a heavy stack is measured with fewer members
FULL_STEPS = 4  # of a long epoch, so many full steps and the short one stand for all
MOST_SHAPES = 6  # of a kind are measured; the others go by their operations
JOIN_S = 120.0
GEMM_SIZE = 1024
GEMM_SHARE = 0.5  # of the rate of products, where nothing like a shape was measured
SOON_FLOP = 3e9  # of a unit at most, where the measurement has to be short
GEMM = ("gemm",)
Key = tuple[Any, ...]


@dataclass(frozen=True)
class TrialShape:
    """A stack of replicates whose iteration is timed."""

    settings: Settings
    points: Points
    members: int

    @property
    def key(self) -> Key:
        """What decides its time for an iteration."""
        shape = self.settings.attack.model_dump_json(
            exclude={"alpha", "lambda_prior", "replicates", "epochs", "iterations", "average_decay"}
        )
        classes = len(self.settings.task.surrogate.classes)
        return ("trial", shape, self.settings.precision, self.points.features, classes, self.members)

    @property
    def flop(self) -> float:
        """Of an iteration of one member."""
        classes = len(self.settings.task.surrogate.classes)
        return pgan_iteration_work(self.settings.attack, self.points.features, classes).flop


@dataclass(frozen=True)
class BatchShape:
    """A stack of victims whose epoch is timed, and the preparation of one of its cells."""

    settings: Settings
    evaluation: EvaluationSpec
    points: Points
    members: int
    fraction: float

    @property
    def key(self) -> Key:
        """What decides its time for an epoch, and for a cell's preparation."""
        shape = self.evaluation.model_dump_json(
            exclude={"poison_fractions": True, "runs": True, "poison_set_size": True, "victim": {"epochs"}}
        )
        classes = len(self.settings.task.classes)
        size = poisoned_size(self.evaluation, classes, self.fraction)
        return ("batch", shape, self.settings.precision, self.points.features, classes, size, self.members)

    @property
    def flop(self) -> float:
        """Of a cell."""
        work = cell_work(self.evaluation, self.settings.task, self.points, self.fraction)
        return work.flop + work.host_flop

    @property
    def victim(self) -> VictimSpec:
        """The networks that are trained: logistic regression is one without hidden layers."""
        victim = self.evaluation.victim
        return victim.model_copy(update={"widths": [], "dropout": 0.0}) if victim.name == "logistic" else victim

    @property
    def is_stack(self) -> bool:
        """Whether its victims are networks."""
        return self.victim.name in ("mlp", "logistic")


@dataclass(frozen=True)
class MeasuredPace:
    """Seconds of one actor while all of the machine's actors are busy.

    ``seconds``: by a shape's key, of an iteration (trials), or of an epoch and of one cell's preparation (batches).
    ``gemm_rate``: FLOP/s of each process beside the others. ``start_s``: of a new process, until it can train.
    ``share``: of their cores that the processes got; less than all of it where others use the machine too.
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
        return BATCH_S + members * cell + (evaluation.victim.epochs * epoch if shape.is_stack else 0.0)

    def _of(self, shape: TrialShape | BatchShape) -> tuple[float, float]:
        if shape.key in self.seconds:
            return self.seconds[shape.key]
        # The nearest one that was measured, by its operations.
        alike = [s for s in self.shapes if type(s) is type(shape) and s.key in self.seconds]
        if not alike:
            return _whole(shape) / (GEMM_SHARE * self.gemm_rate), 0.0
        near = min(alike, key=lambda s: (_kind(s) != _kind(shape), abs(np.log(_whole(s) / _whole(shape)))))
        scale = _whole(shape) / _whole(near)
        loop, cell = self.seconds[near.key]
        return loop * scale, cell * (scale * near.members / shape.members if isinstance(shape, BatchShape) else 1.0)


def _kind(shape: TrialShape | BatchShape) -> str:
    return shape.evaluation.victim.name if isinstance(shape, BatchShape) else ""


def _whole(shape: TrialShape | BatchShape) -> float:
    """Operations of its loop's unit, of all members; at least one."""
    if isinstance(shape, TrialShape):
        return shape.members * shape.flop
    epochs = shape.evaluation.victim.epochs if shape.is_stack else 1
    return max(1.0, shape.members * shape.flop / epochs)


def measure_pace(
    shapes: Sequence[TrialShape | BatchShape], *, processes: int, threads: int, budget_s: float
) -> MeasuredPace:
    """Measure the ``shapes`` for about ``budget_s`` in each of ``processes`` at once, with ``threads`` each."""
    chosen = _chosen(shapes)
    context = multiprocessing.get_context("spawn")  # Ray's workers are fresh processes too
    barrier = context.Barrier(processes)
    begun = time.time()
    with context.Pool(processes, _join, (barrier,)) as pool:
        found = pool.map(_measure, [(chosen, threads, budget_s)] * processes, chunksize=1)
    return _merged(found, chosen, begun, processes)


def measure_here(shapes: Sequence[TrialShape | BatchShape], *, budget_s: float) -> MeasuredPace:
    """The same, rougher and sooner: in this process, with nobody beside it, and without heavy shapes."""
    before = torch.get_num_threads()
    light = [shape for shape in shapes if _whole(shape) <= SOON_FLOP and _kind(shape) in ("", "mlp", "logistic")]
    chosen = [next(s for s in light if isinstance(s, kind)) for kind in {type(s) for s in light}]
    try:
        found = _measure((chosen, 1, budget_s))
    finally:
        torch.set_num_threads(before)
    return _merged([found], tuple(chosen), time.time(), 1)


_barrier: Any = None


def _join(barrier: Any) -> None:
    global _barrier
    _barrier = barrier


def _chosen(shapes: Sequence[TrialShape | BatchShape]) -> tuple[TrialShape | BatchShape, ...]:
    """One of each key, and of each kind no more than `MOST_SHAPES`, from the lightest to the heaviest."""
    chosen: list[TrialShape | BatchShape] = []
    for kind in (TrialShape, BatchShape):
        distinct = {shape.key: shape for shape in shapes if isinstance(shape, kind)}
        ordered = sorted(distinct.values(), key=_whole)
        step = max(1, -(-len(ordered) // MOST_SHAPES))
        chosen += ordered[::-1][::step]  # the heaviest counts most
    return tuple(chosen)


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
    """``run(units)`` does as many units; one of them stands for ``scale`` of the shape's own."""

    key: Key
    run: Callable[[int], None]
    scale: float
    units: int = 1
    once: bool = False  # too slow for turns: its first run counts


def _measure(given: tuple[Sequence[TrialShape | BatchShape], int, float]) -> _Found:
    shapes, threads, budget_s = given
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    ready = time.time()
    contenders = [_gemm(), *(c for shape in shapes for c in _contenders(shape))]
    if _barrier is not None:
        _barrier.wait(JOIN_S)
    begun, used = time.perf_counter(), time.process_time()
    end = begun + budget_s
    turns: dict[Key, list[float]] = {contender.key: [] for contender in contenders}
    for contender in contenders:  # caches, the allocator, and how many units make a turn
        took = _turn(contender, threads)
        contender.once = took > TURN_S * 4
        contender.units = max(1, min(1000, round(TURN_S / 2 / took)))
        if contender.once or budget_s < 2:
            turns[contender.key].append(took)
    while time.perf_counter() < end:
        for contender in contenders:
            if not contender.once or len(turns[contender.key]) < 2:
                turns[contender.key].append(_turn(contender, threads))
    share = (time.process_time() - used) / threads / (time.perf_counter() - begun)
    return _Found(ready, {c.key: statistics.median(turns[c.key]) * c.scale for c in contenders}, min(1.0, share))


def _turn(contender: _Contender, threads: int) -> float:
    """Seconds of one unit, while the process had its cores."""
    start = time.process_time()
    contender.run(contender.units)
    return max(1e-9, time.process_time() - start) / threads / contender.units


def _gemm() -> _Contender:
    a, b = torch.randn(2, GEMM_SIZE, GEMM_SIZE, generator=torch.Generator().manual_seed(0))

    def run(units: int) -> None:
        for _ in range(units):
            torch.mm(a, b)

    return _Contender(GEMM, run, 1.0)


def _contenders(shape: TrialShape | BatchShape) -> Iterator[_Contender]:
    if isinstance(shape, TrialShape):
        yield _trial(shape)
        return
    if shape.is_stack:
        yield _epoch(shape)
    yield _cell(shape)


def _fewer(members: int, flop: float) -> int:
    return max(1, min(members, int(TURN_FLOP / max(flop, 1.0))))


def _trial(shape: TrialShape) -> _Contender:
    settings, members = shape.settings, _fewer(shape.members, shape.flop)
    task = stand_in_task(settings.task.surrogate, shape.points, most=1000)
    stack = PGan(
        settings.attack,
        [Member(r, *settings.attack.weights, 0) for r in range(members)],
        task,
        device=torch.device("cpu"),
        precision=settings.precision,
    )
    return _Contender(("loop", *shape.key), stack.train, shape.members / members)


def _epoch(shape: BatchShape) -> _Contender:
    """An epoch of the stack; of a long one, a few steps."""
    victim, classes = shape.victim, len(shape.settings.task.classes)
    kept = kept_size(shape.evaluation, classes, shape.fraction)
    full, rest = divmod(kept, victim.batch_size)
    size = min(full, FULL_STEPS) * victim.batch_size + rest
    step = victim_step_work(victim, shape.points.features, classes).flop
    members = _fewer(shape.members, step * size / victim.batch_size)
    random = torch.Generator().manual_seed(0)
    x = torch.rand(members, size, shape.points.features, generator=random) * 2 - 1
    y = torch.randint(classes, (members, size), generator=random)

    def run(units: int) -> None:
        train_victims(
            victim.model_copy(update={"epochs": units}),
            x,
            y,
            [size] * members,
            classes=classes,
            initial_seeds=range(members),
            stack_seed=0,
            device=torch.device("cpu"),
            precision=shape.settings.precision,
        )

    return _Contender(("loop", *shape.key), run, shape.members / members * kept / size)


def _cell(shape: BatchShape) -> _Contender:
    """What a cell takes beside its epochs: split, detectors, scores; of scikit-learn's victims the training too."""
    evaluation, spec = shape.evaluation, shape.settings.task
    task = stand_in_task(spec, shape.points, most=evaluation.trusted_per_class + 2 * evaluation.train_per_class)
    attack = stand_in_attack(task, evaluation.poison_set_size)
    cell = Cell("", 0, "", shape.fraction, 0)
    judged = evaluation.model_copy(update={"victim": evaluation.victim.model_copy(update={"epochs": 1})})

    def run(units: int) -> None:
        for _ in range(units):
            found = poisoned_training_set(judged, task, attack, cell, 0)
            if judged.victim.name == "none":
                continue
            # Of a stack only the judging is wanted; its one step is little beside it.
            few = slice(None) if not shape.is_stack else slice(0, None, max(1, len(found.x) // 8))
            judge_victims(
                judged.victim,
                [(found.x[few], found.y[few])],
                task.test_x,
                task.test_y,
                classes=len(task.classes),
                seeds=[0],
                stack_seed=0,
                device=torch.device("cpu"),
                precision=shape.settings.precision,
            )

    return _Contender(("cell", *shape.key), run, 1.0)
