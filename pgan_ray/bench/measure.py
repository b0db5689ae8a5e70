"""Interleaved measurements: every contender has its turn in every round, so that a noisy machine is noisy to all."""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from pgan_ray.attacks import Member
from pgan_ray.attacks.engines.pgan import PGan
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


@dataclass(frozen=True)
class _Contender:
    name: str
    flop: float
    members: int
    plain: str
    units: int
    run: Callable[[], None]


def run_benchmark(
    shapes: dict[str, Settings],
    *,
    rounds: int,
    threads: int,
    stacks: tuple[int, ...] = (1, 5),
    victims: int = 10,
    turn_flop: float = 2e10,
) -> list[Row]:
    """Measure GEMM, the engine and the plain loop at the settings ``shapes``, on the CPU with ``threads``.

    ``stacks``: replicates of a pGAN stack; ``victims``: members of a victim stack; ``turn_flop``: the work of one
    network in one turn of a contender, so that turns take about as long whatever the shape.
    """
    torch.set_num_threads(threads)
    contenders = [_gemm(), *(c for name, s in shapes.items() for c in _contenders(name, s, stacks, victims, turn_flop))]
    times: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for contender in contenders:
        contender.run()  # caches, allocator
    for _ in range(rounds):
        for contender in contenders:
            start = time.perf_counter()
            contender.run()
            times[contender.name].append((time.perf_counter() - start) / contender.units)
    return [Row(c.name, statistics.median(times[c.name]), c.flop, c.members, c.plain) for c in contenders]


def _gemm() -> _Contender:
    a, b = torch.randn(2, GEMM_SIZE, GEMM_SIZE, generator=torch.Generator().manual_seed(0))

    def run() -> None:
        for _ in range(4):
            torch.mm(a, b)

    return _Contender(f"torch.mm {GEMM_SIZE}^3", 2.0 * GEMM_SIZE**3, 1, "", 4, run)


def _contenders(
    name: str, settings: Settings, stacks: tuple[int, ...], victims: int, turn_flop: float
) -> Iterator[_Contender]:
    task = _random_task()
    device = torch.device("cpu")
    attack = settings.attack
    assert isinstance(attack, PGanConfig)  # what the shipped sweeps have
    needed = iteration_work(attack, FEATURES).flop
    units = max(2, round(turn_flop / needed))
    plain_name = f"{name}: pGAN iteration, plain"
    plain = PlainPGan(attack, task, seed=0)
    yield _Contender(plain_name, needed, 1, "", units, lambda: _flushed(lambda: plain.train(units)))
    for members in stacks:
        stack = PGan(attack, [Member(r, 0, attack) for r in range(members)], task, device=device)
        yield _Contender(
            f"{name}: pGAN iteration, stack {members}",
            needed * members,
            members,
            plain_name,
            units,
            lambda stack=stack: stack.train(units),  # type: ignore[misc]
        )

    victim = settings.evaluation.victim.make().network
    step = step_work(victim, FEATURES, 2).flop
    size = 5 * victim.batch_size
    steps = 5 * max(1, round(turn_flop / 2 / step / 5))
    epochs = victim.model_copy(update={"epochs": steps // 5})
    x, y = task.train_x[:size], task.train_y[:size]
    plain_name = f"{name}: victim step, plain"
    one = PlainVictim(victim, FEATURES, seed=0)
    yield _Contender(plain_name, step, 1, "", steps, lambda: _flushed(lambda: one.train(x, y, epochs.epochs)))
    # Measured amid a training: a real one is hundreds of times as long as a turn, its start and end next to nothing.
    stack_of_victims = VictimTraining(
        victim,
        x.expand(victims, -1, -1),
        y.expand(victims, -1),
        [size] * victims,
        classes=2,
        initial_seeds=range(victims),
        stack_seed=0,
        device=device,
    )
    yield _Contender(
        f"{name}: victim step, stack {victims}",
        step * victims,
        victims,
        plain_name,
        steps,
        lambda: stack_of_victims.run(steps),
    )


def _flushed(run: Callable[[], None]) -> None:
    """The plain loop gets the same arithmetic: subnormals would slow it down without end."""
    with arithmetic("float32", torch.device("cpu")):
        run()


def _random_task() -> TaskData:
    rng = np.random.default_rng(0)
    x = torch.from_numpy(np.tanh(rng.normal(size=(2 * POINTS_PER_CLASS, FEATURES))).astype(np.float32))
    y = torch.arange(2 * POINTS_PER_CLASS) % 2
    return TaskData(
        train_x=x,
        train_y=y,
        test_x=x,
        test_y=y,
        classes=(3, 5),
        poison_label=1,
        source_label=0,
        image_shape=(28, 28),
    )
