"""How long a sweep takes on a cluster: its trials and batches, put one by one onto the cluster's room.

The same rules as the driver's: trials in the order of the file, up to a limit that leaves room for stage 2; a finished
trial brings its batches; waiting batches start the longest first. On one machine more actors than cores share these.
"""

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from pgan_ray.errors import SpecError
from pgan_ray.runner import Offer


@dataclass(frozen=True)
class Job:
    """A trial of so many seconds, and the seconds of each batch that it makes possible."""

    seconds: float
    batches: Sequence[float] = ()


@dataclass(frozen=True)
class Forecast:
    """Seconds until the last batch is done, and until the last trial is; share of the time with all slots busy."""

    seconds: float
    stage1_s: float
    busy: float


class _Room:
    """What is free of an offer: `take` and `give` what an actor of stage 0 or 1 asks for."""

    def __init__(self, offer: Offer) -> None:
        self._free, self._cores = dict(offer.total), offer.cores
        self._asks = offer.trial.request, offer.evaluator.request
        self._most = offer.trial_limit, offer.evaluator.slots
        self.running = [0, 0]

    def take(self, stage: int) -> bool:
        asks = self._asks[stage].items()
        if self.running[stage] >= self._most[stage] or any(self._free.get(n, 0.0) < a - 1e-9 for n, a in asks if a):
            return False
        self.give(stage, -1)
        return True

    def give(self, stage: int, actors: int = 1) -> None:
        self.running[stage] -= actors
        for name, amount in self._asks[stage].items():
            self._free[name] = self._free.get(name, 0.0) + actors * amount

    @property
    def rate(self) -> float:
        """At which every running actor goes on: under 1 where they share too few cores."""
        wanted = sum(number * asks.get("CPU", 1.0) for number, asks in zip(self.running, self._asks, strict=True))
        return min(1.0, self._cores / wanted) if self._cores and wanted else 1.0

    @property
    def full(self) -> bool:
        return sum(self.running) >= self._most[1]


def schedule(trials: Sequence[Job], batches: Sequence[float], offer: Offer, start_s: float = 0.0) -> Forecast:
    """``trials`` and, of attacks that train nothing, ``batches`` that can start at once.

    ``start_s``: until a new actor works. Raises `SpecError` where the offer has no room for an actor.
    """
    room, waiting_trials = _Room(offer), deque(trials)
    waiting = [-seconds for seconds in batches]
    heapq.heapify(waiting)
    # All actors go at one rate, so ends are kept in actors' time, which passes slower than the clock when they share.
    running: list[tuple[float, int, int, Sequence[float]]] = []
    clock = passed = busy = stage1 = 0.0
    started, warm = 0, [0, 0]

    def start(stage: int, seconds: float, unlocks: Sequence[float]) -> None:
        nonlocal started
        started, is_warm = started + 1, min(1, warm[stage])
        warm[stage] -= is_warm
        end = passed + seconds + (0.0 if is_warm else start_s)
        heapq.heappush(running, (end, started, stage, unlocks))

    while waiting_trials or waiting or running:
        while waiting_trials and room.take(0):
            job = waiting_trials.popleft()
            start(0, job.seconds, job.batches)
        while waiting and room.take(1):
            start(1, -heapq.heappop(waiting), ())
        warm[1] = 0  # an evaluator without a batch soon goes away
        if not running:
            raise SpecError([f"{offer.name}: must have room for one actor of each stage, got {dict(offer.total)}"])
        end, _, stage, unlocked = heapq.heappop(running)
        lasted = (end - passed) / room.rate
        busy += lasted if room.full else 0.0
        clock, passed = clock + lasted, end
        room.give(stage)
        warm[stage] += 1
        stage1 = clock if stage == 0 else stage1
        for seconds in unlocked:
            heapq.heappush(waiting, -seconds)
    return Forecast(clock, stage1, busy / clock if clock else 1.0)
