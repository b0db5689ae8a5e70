"""Stage 2's run: a pool of evaluator actors that grows with the work and soon goes away without it."""

import heapq
import itertools
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from pgan_ray.cluster.errors import is_worth_retrying
from pgan_ray.runner import BatchFinished, BatchRetried, Event
from pgan_ray.runner.cut import Batch
from pgan_ray.runner.evaluating import Evaluated, Evaluator, Stage2

# Nodes that go take their actors along, which Ray tells one after the other.
ONE_LOSS_S = 10.0
# An evaluator without a batch waits so long for the next trial to end: a new one would spend seconds on its imports.
IDLE_S = 3.0


# Actors and not tasks: a GPU task starts a process for each call.
EvaluatorActor = ray.remote(Evaluator)


@dataclass(frozen=True)
class _Worker:
    actor: Any
    batch: Batch


@dataclass
class Stage2Run:
    """Hands batches to evaluators. Each actor asks Ray for ``request``.

    An actor is given its first batch when it runs: a batch never waits for a node while other actors are idle.
    """

    stage: Stage2
    datasets: Any  # a reference into the object store
    request: Mapping[str, float]
    max_failures: int
    _waiting: list[tuple[float, int, Batch]] = field(default_factory=list)  # a heap: the costliest first
    _order: Iterator[int] = field(default_factory=itertools.count)
    _starting: dict[Any, Any] = field(default_factory=dict)  # what is ready when the actor runs -> actor
    _workers: dict[Any, _Worker] = field(default_factory=dict)  # result -> who makes it
    _idle: list[tuple[Any, float]] = field(default_factory=list)  # actors, and since when
    _failures: dict[str, int] = field(default_factory=dict)
    _bad_starts: int = 0  # losses of actors before they ran, since one ran
    _bad_at: float = float("-inf")  # the last of these
    _most: int = 1

    def __post_init__(self) -> None:
        self._shared = ray.put(self.stage)  # once, and not for each actor: it holds every configuration

    @property
    def busy(self) -> bool:
        """Whether a batch waits or runs."""
        return bool(self._waiting or self._workers)

    @property
    def running(self) -> int:
        """Actors that hold a batch."""
        return len(self._workers)

    @property
    def waiting(self) -> int:
        """Batches that no actor holds."""
        return len(self._waiting)

    @property
    def cells_waiting(self) -> int:
        """Cells of these batches."""
        return sum(len(batch.cells) for _, _, batch in self._waiting)

    def add(self, batches: Iterable[Batch]) -> None:
        """Queue ``batches``. Big ones start first, so that no straggler is left in the end."""
        for batch in batches:
            heapq.heappush(self._waiting, (-batch.cost, next(self._order), batch))

    def poll(self, most_actors: int, timeout_s: float) -> list[Event]:
        """Start what may start, wait until something ends or ``timeout_s`` passes, and return all that happened.

        Raises `RayError` where no evaluator comes to run.
        """
        self._most = most_actors
        while self._waiting and self._idle and len(self._workers) < most_actors:
            self._give(self._idle.pop()[0])
        self._end_idle()
        room = most_actors - len(self._workers) - len(self._starting)
        for _ in range(min(room, len(self._waiting) - len(self._starting))):
            self._start_actor()
        pending = [*self._workers, *self._starting]
        if not pending:
            return []
        ray.wait(pending, num_returns=1, timeout=timeout_s)
        done, _ = ray.wait(pending, num_returns=len(pending), timeout=0)
        self._take_started([ready for ready in done if ready in self._starting])
        results = [result for result in done if result in self._workers]
        return [self._collect(result) for result in results]

    def stop(self) -> None:
        """Kill the evaluators; batches in their hands are lost, rows already returned are not."""
        workers = (worker.actor for worker in self._workers.values())
        for actor in [*workers, *self._starting.values(), *(actor for actor, _ in self._idle)]:
            ray.kill(actor)
        self._workers.clear()
        self._starting.clear()
        self._idle.clear()
        self._waiting.clear()

    def _start_actor(self) -> None:
        options = EvaluatorActor.options(num_cpus=self.request["CPU"], num_gpus=self.request.get("GPU", 0))
        actor = options.remote(self._shared, self.datasets, gpu=self.request.get("GPU", 0) > 0)
        self._starting[actor.__ray_ready__.remote()] = actor

    def _take_started(self, ready: Iterable[Any]) -> None:
        lost: RayError | None = None
        for started in ready:
            actor = self._starting.pop(started)
            try:
                ray.get(started)
            except RayError as error:
                ray.kill(actor)
                if getattr(error, "actor_init_failed", False):
                    raise  # our own code failed: it would again
                lost = error
            else:
                self._bad_starts = 0
                self._hand_over(actor)
        now = time.monotonic()
        if lost is not None and now - self._bad_at > ONE_LOSS_S:
            self._bad_at = now
            self._bad_starts += 1
            if self._bad_starts > self.max_failures:
                raise lost

    def _give(self, actor: Any) -> None:
        batch = heapq.heappop(self._waiting)[2]
        result = actor.evaluate.remote(batch)
        self._workers[result] = _Worker(actor, batch)

    def _collect(self, result: Any) -> Event:
        worker = self._workers.pop(result)
        try:
            found: Evaluated = ray.get(result)
        except RayTaskError as error:
            # The actor may be the worse for it, as after an error of CUDA's.
            ray.kill(worker.actor)
            is_missing = isinstance(error.cause, FileNotFoundError)  # a file, which stays away
            if is_worth_retrying(error.cause) and not is_missing:
                return self._lost(worker.batch, str(error))
            return BatchFinished(worker.batch, None, str(error))  # our own code failed: it would again
        except RayError as error:
            # The process or its node died, or ran out of memory.
            ray.kill(worker.actor)
            return self._lost(worker.batch, str(error))
        self._hand_over(worker.actor)
        return BatchFinished(worker.batch, found.rows, actor=found.actor, span=found.span, notices=found.notices)

    def _hand_over(self, actor: Any) -> None:
        if self._waiting and len(self._workers) < self._most:
            self._give(actor)
        else:
            self._idle.append((actor, time.monotonic()))

    def _end_idle(self) -> None:
        """End the actors that have waited long enough, or that the cluster has no room for any more."""
        kept = self._most - len(self._workers)
        now = time.monotonic()
        for actor, since in self._idle[:]:
            if now - since > IDLE_S or len(self._idle) > kept:
                self._idle.remove((actor, since))
                ray.kill(actor)
        while self._starting and len(self._starting) > max(0, kept):
            ray.kill(self._starting.popitem()[1])

    def _lost(self, batch: Batch, error: str) -> Event:
        """The actor died with its node or process: the batch runs again elsewhere, up to a limit."""
        self._failures[batch.id] = self._failures.get(batch.id, 0) + 1
        if self._failures[batch.id] > self.max_failures:
            return BatchFinished(batch, None, error)
        self.add([batch])
        return BatchRetried(batch, error)
