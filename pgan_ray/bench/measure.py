"""Interleaved measurements: every contender has its turn in every round, so that a noisy machine is noisy to all."""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from pgan_ray.attacks import Member, train_stack
from pgan_ray.attacks.engines.pgan_work import iteration_work
from pgan_ray.attacks.pgan import PGanConfig
from pgan_ray.bench.plain import PlainPGan, PlainVictim
from pgan_ray.cost.networks import step_work
from pgan_ray.data import TaskData
from pgan_ray.nn import arithmetic
from pgan_ray.spec import Settings
from pgan_ray.victims.engines.stack import VictimTraining

GEMM_SIZE = 2048
FEATURES = 784
POINTS_PER_CLASS = 1000
DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Row:
    """One contender: seconds of one unit of its work (median over the rounds), and what the unit needs.

    ``members`` networks share the unit; ``plain`` names the row to compare with, per member.
    """

    name: str
    seconds: float
    flop: float
    members: int = 1
    plain: str = ""

    @property
    def rate(self) -> float:
        """FLOP per second."""
        return self.flop / self.seconds


# A row without its time; units of its work that one turn does; the turn.
_Contender = tuple[Row, int, Callable[[], object]]


def run_benchmark(
    shapes: dict[str, Settings],
    *,
    rounds: int,
    threads: int,
    stacks: tuple[int, ...] = (1, 5),
    victims: int = 10,
    turn_flop: float = 2e10,
    precision: str = "float32",
) -> list[Row]:
    """Measure GEMM, the engine and the plain loop at the settings ``shapes``, on the CPU with ``threads``.

    ``precision``: the engine's; plain loops are in float32 always, products in bf16 besides where that is asked for.
    ``stacks``: replicates of a pGAN stack; ``victims``: members of a victim stack; ``turn_flop``: the work of one
    network in one turn of a contender, so that turns take about as long whatever the shape.
    """
    torch.set_num_threads(threads)
    contenders = [
        *(_gemm(name, dtype) for name, dtype in DTYPES.items() if name in ("float32", precision)),
        *(c for name, s in shapes.items() for c in _contenders(name, s, stacks, victims, turn_flop, precision)),
    ]
    times: list[list[float]] = [[] for _ in contenders]
    for _, _, run in contenders:
        run()  # caches, allocator
    for _ in range(rounds):
        for (_, units, run), took in zip(contenders, times, strict=True):
            start = time.perf_counter()
            run()
            took.append((time.perf_counter() - start) / units)
    return [replace(row, seconds=statistics.median(t)) for (row, _, _), t in zip(contenders, times, strict=True)]


def _gemm(name: str, dtype: torch.dtype) -> _Contender:
    a, b = torch.randn(2, GEMM_SIZE, GEMM_SIZE, generator=torch.Generator().manual_seed(0)).to(dtype)
    row = Row(f"torch.mm {GEMM_SIZE}^3, {name}", 0.0, 2.0 * GEMM_SIZE**3)
    return row, 4, lambda: [torch.mm(a, b) for _ in range(4)]


def _contenders(
    name: str, settings: Settings, stacks: tuple[int, ...], victims: int, turn_flop: float, precision: str
) -> Iterator[_Contender]:
    task, attack, cpu = _random_task(), settings.attack, torch.device("cpu")
    assert isinstance(attack, PGanConfig)  # what the shipped sweeps have
    needed = iteration_work(attack, FEATURES).flop
    units = max(2, round(turn_flop / needed))
    plain = PlainPGan(attack, task, seed=0)
    row = Row(f"{name}: pGAN iteration, plain", 0.0, needed)
    yield row, units, lambda: _flushed(lambda: plain.train(units))
    for members in stacks:
        every = [Member(r, 0, attack) for r in range(members)]
        stack = train_stack(attack, every, task, device=cpu, precision=precision)
        of_stack = Row(f"{name}: pGAN iteration, stack {members}", 0.0, needed * members, members, row.name)
        yield of_stack, units, partial(stack.train, units)

    victim = settings.evaluation.victim.make().network
    step = step_work(victim, FEATURES, 2).flop
    size, epochs = 5 * victim.batch_size, max(1, round(turn_flop / 2 / step / 5))
    x, y = task.train_x[:size], task.train_y[:size]
    one = PlainVictim(victim, FEATURES, seed=0)
    row = Row(f"{name}: victim step, plain", 0.0, step)
    yield row, 5 * epochs, lambda: _flushed(lambda: one.train(x, y, epochs))
    # Measured amid a training: a real one is hundreds of times as long as a turn, its start and end next to nothing.
    every_victim = [
        VictimTraining(
            victim,
            x[None],
            y[None],
            [size],
            classes=2,
            initial_seeds=[v],
            stack_seed=v,
            device=cpu,
            precision=precision,
        )
        for v in range(victims)
    ]
    of_all = Row(f"{name}: victim step, batch of {victims}", 0.0, step * victims, victims, row.name)
    yield of_all, 5 * epochs, lambda: _run_all(every_victim, 5 * epochs)


def _run_all(victims: list[VictimTraining], steps: int) -> None:
    for victim in victims:
        victim.run(steps)


def _flushed(run: Callable[[], None]) -> None:
    """The plain loop gets the same arithmetic: subnormals would slow it down without end."""
    with arithmetic("float32", torch.device("cpu")):
        run()


def _random_task() -> TaskData:
    rng = np.random.default_rng(0)
    x = torch.from_numpy(np.tanh(rng.normal(size=(2 * POINTS_PER_CLASS, FEATURES))).astype(np.float32))
    y = torch.arange(2 * POINTS_PER_CLASS) % 2
    return TaskData(x, y, x, y, classes=(3, 5), poison_label=1, source_label=0, image_shape=(28, 28))
