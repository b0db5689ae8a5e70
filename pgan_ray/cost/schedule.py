"""How long a sweep takes on a cluster: its trials and batches, put one by one onto the cluster's room.

The same rules as the driver's: trials in the order of the file, up to a limit that leaves room for stage 2; a finished
trial brings its batches; waiting batches start the longest first. On one machine more actors than cores share these.
"""

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pgan_ray.errors import SpecError

Resources = Mapping[str, float]


@dataclass(frozen=True)
class Job:
    """A trial of so many seconds, and the seconds of each batch that it makes possible."""

    seconds: float
    batches: tuple[float, ...] = ()


@dataclass(frozen=True)
class Shape:
    """A cluster's room. ``trials`` and ``evaluators``: at most so many at once; ``total``: of every resource;
    ``trial`` and ``evaluator``: what one asks for. ``cores``: of a single machine, which its actors share; None where
    each has its own. ``start_s``: until a new actor begins.
    """

    name: str
    total: Resources
    trial: Resources
    evaluator: Resources
    trials: int
    evaluators: int
    cores: float | None = None
    start_s: float = 0.0


@dataclass(frozen=True)
class Forecast:
    """Seconds until the last batch is done, and until the last trial is; share of the time with all slots busy."""

    seconds: float
    stage1_s: float
    busy: float


class _Room:
    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._free = dict(shape.total)
        self.running = {"trial": 0, "evaluator": 0}
        self._most = {"trial": shape.trials, "evaluator": shape.evaluators}
        self._asks = {"trial": shape.trial, "evaluator": shape.evaluator}

    def take(self, kind: str) -> bool:
        asks = self._asks[kind]
        if self.running[kind] >= self._most[kind]:
            return False
        if any(self._free.get(name, 0.0) < amount - 1e-9 for name, amount in asks.items() if amount):
            return False
        self._change(kind, 1)
        return True

    def give(self, kind: str) -> None:
        self._change(kind, -1)

    def _change(self, kind: str, by: int) -> None:
        self.running[kind] += by
        for name, amount in self._asks[kind].items():
            self._free[name] = self._free.get(name, 0.0) - by * amount

    @property
    def rate(self) -> float:
        """At which every running actor goes on: under 1 where they share too few cores."""
        if self._shape.cores is None:
            return 1.0
        wanted = sum(number * self._asks[kind].get("CPU", 1.0) for kind, number in self.running.items())
        return min(1.0, self._shape.cores / wanted) if wanted else 1.0

    @property
    def full(self) -> bool:
        return sum(self.running.values()) >= self._shape.evaluators


def forecast(trials: Sequence[Job], batches: Sequence[float], shape: Shape) -> Forecast:
    """``trials`` and, of attacks that train nothing, ``batches`` that can start at once."""
    room = _Room(shape)
    waiting_trials = deque(trials)
    waiting = [-seconds for seconds in batches]
    heapq.heapify(waiting)
    # All actors go at one rate, so ends are kept in actors' time, which passes slower than the clock when they share.
    running: list[tuple[float, int, str, tuple[float, ...]]] = []
    clock = passed = busy = stage1 = 0.0
    started = warm_trials = warm_evaluators = 0
    while waiting_trials or waiting or running:
        while waiting_trials and room.take("trial"):
            job = waiting_trials.popleft()
            start_s, warm_trials = (0.0, warm_trials - 1) if warm_trials else (shape.start_s, 0)
            heapq.heappush(running, (passed + start_s + job.seconds, started, "trial", job.batches))
            started += 1
        while waiting and room.take("evaluator"):
            start_s, warm_evaluators = (0.0, warm_evaluators - 1) if warm_evaluators else (shape.start_s, 0)
            heapq.heappush(running, (passed + start_s - heapq.heappop(waiting), started, "evaluator", ()))
            started += 1
        warm_evaluators = 0  # an evaluator without a batch soon goes away
        if not running:
            raise SpecError([f"{shape.name}: must have room for one actor of each stage, got {dict(shape.total)}"])
        end, _, kind, unlocked = heapq.heappop(running)
        lasted = (end - passed) / room.rate
        busy += lasted if room.full else 0.0
        clock, passed = clock + lasted, end
        room.give(kind)
        if kind == "trial":
            stage1, warm_trials = clock, warm_trials + 1
        else:
            warm_evaluators += 1
        for seconds in unlocked:
            heapq.heappush(waiting, -seconds)
    return Forecast(clock, stage1, busy / clock if clock else 1.0)
