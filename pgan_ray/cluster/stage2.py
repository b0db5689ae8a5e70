"""Stage 2's run: a pool of evaluator actors that grows with the work and soon goes away without it."""

import heapq
import itertools
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from pgan_ray.cluster.evaluator import Evaluated, EvaluatorActor, Row, Stage2
from pgan_ray.cluster.plan import Batch
from pgan_ray.cluster.timeline import Span

# An evaluator without a batch waits so long for the next trial to end: a new one would spend seconds on its imports.
IDLE_S = 3.0


@dataclass(frozen=True)
class Finished:
    """A batch that came to an end: its rows, or the remote traceback of its failure."""

    batch: Batch
    rows: list[Row] | None
    error: str = ""
    actor: str = ""
    span: Span | None = None


@dataclass
class _Worker:
    actor: Any
    batch: Batch
    result: Any


@dataclass
class Stage2Run:
    """Hands batches to evaluators. Each actor asks Ray for ``request``, so an autoscaler sees the demand."""

    stage: Stage2
    datasets: Any  # a reference into the object store
    request: Mapping[str, float]
    max_failures: int
    _waiting: list[tuple[float, int, Batch]] = field(default_factory=list)  # a heap: the costliest first
    _order: Iterator[int] = field(default_factory=itertools.count)
    _workers: list[_Worker] = field(default_factory=list)
    _idle: list[tuple[Any, float]] = field(default_factory=list)  # actors, and since when
    _failures: dict[str, int] = field(default_factory=dict)
    retried: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._shared = ray.put(self.stage)  # once, and not for each actor: it holds every configuration

    @property
    def busy(self) -> bool:
        """Whether a batch waits or runs."""
        return bool(self._waiting or self._workers)

    @property
    def running(self) -> int:
        """Actors that hold a batch, started or not."""
        return len(self._workers)

    def add(self, batches: Iterable[Batch]) -> None:
        """Queue ``batches``. Big ones start first, so that no straggler is left in the end."""
        for batch in batches:
            heapq.heappush(self._waiting, (-batch.cost, next(self._order), batch))

    def poll(self, most_actors: int, timeout_s: float) -> list[Finished]:
        """Start what may start, and wait until something ends or ``timeout_s`` passes."""
        while self._waiting and len(self._workers) < most_actors:
            actor = self._idle.pop()[0] if self._idle else self._new_actor()
            self._start(actor, self._next())
        self._send_home(most_actors)
        if not self._workers:
            return []
        done, _ = ray.wait([w.result for w in self._workers], num_returns=1, timeout=timeout_s)
        return [finished for result in done if (finished := self._collect(result, most_actors)) is not None]

    def stop(self) -> None:
        """Kill the evaluators; batches in their hands are lost, rows already returned are not."""
        for actor in [*(worker.actor for worker in self._workers), *(actor for actor, _ in self._idle)]:
            ray.kill(actor)
        self._workers.clear()
        self._idle.clear()
        self._waiting.clear()

    def _next(self) -> Batch:
        return heapq.heappop(self._waiting)[2]

    def _new_actor(self) -> Any:
        options = EvaluatorActor.options(num_cpus=self.request["CPU"], num_gpus=self.request.get("GPU", 0))
        return options.remote(self._shared, self.datasets)

    def _start(self, actor: Any, batch: Batch) -> None:
        self._workers.append(_Worker(actor, batch, actor.evaluate.remote(batch)))

    def _collect(self, result: Any, most_actors: int) -> Finished | None:
        worker = next(w for w in self._workers if w.result == result)
        self._workers.remove(worker)
        try:
            found: Evaluated = ray.get(result)
        except RayTaskError as error:
            # Our own code failed: it would again. The actor may be the worse for it, as after an error of CUDA's.
            ray.kill(worker.actor)
            return Finished(worker.batch, None, str(error))
        except RayError as error:
            # The process or its node died, or ran out of memory.
            ray.kill(worker.actor)
            return self._lost(worker.batch, str(error))
        self._hand_over(worker.actor, most_actors)
        return Finished(worker.batch, found.rows, actor=found.actor, span=found.span)

    def _hand_over(self, actor: Any, most_actors: int) -> None:
        if self._waiting and len(self._workers) < most_actors:
            self._start(actor, self._next())
        else:
            self._idle.append((actor, time.monotonic()))

    def _send_home(self, most_actors: int) -> None:
        """End the actors that have waited long enough, or that the cluster has no room for any more."""
        kept = most_actors - len(self._workers)
        now = time.monotonic()
        for actor, since in self._idle[:]:
            if now - since > IDLE_S or len(self._idle) > kept:
                self._idle.remove((actor, since))
                ray.kill(actor)

    def _lost(self, batch: Batch, error: str) -> Finished | None:
        """The actor died with its node or process: the batch runs again elsewhere, up to a limit."""
        self._failures[batch.id] = self._failures.get(batch.id, 0) + 1
        if self._failures[batch.id] > self.max_failures:
            return Finished(batch, None, error)
        self.retried.append(f"batch {batch.id}: {error.splitlines()[0]}")
        self.add([batch])
        return None
