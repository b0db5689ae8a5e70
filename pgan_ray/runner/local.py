"""The local executor: everything in this process, one thing after the other, in an order that never changes.

For debugging (breakpoints stop in your own class), for tests and for notebooks. Rows and generators are those of a
cluster, to the bit.
"""

import traceback
from collections import deque
from collections.abc import Iterable, Iterator

import torch

from pgan_ray.nn import use_products
from pgan_ray.results import CHECKPOINTS, Store, remove_checkpoint
from pgan_ray.runner.asked import asked_resources
from pgan_ray.runner.cut import Batch, Trial
from pgan_ray.runner.evaluating import Evaluator, Stage2
from pgan_ray.runner.executor import (
    BatchFinished,
    Event,
    Job,
    Offer,
    Outlook,
    StageOffer,
    TrialFailed,
    TrialFinished,
    TrialReport,
    TrialsEnded,
    TrialStarted,
)
from pgan_ray.runner.limits import Room, room_here
from pgan_ray.runner.machine import gpu_kinds_here, gpus_here, memory_for_actors
from pgan_ray.runner.training import Stage1, TrialTraining
from pgan_ray.runner.worker import Tasks, prepare
from pgan_ray.spec import ResourcesSpec, StageResources, Sweep


class LocalExecutor:
    """An `Executor` without Ray: trials in the sweep file's order, each followed by its victims.

    It uses the cores that one actor would be granted, and a GPU where torch has one. What fails is not tried again.
    """

    def __init__(self) -> None:
        self._trials: deque[Trial] = deque()
        self._batches: deque[Batch] = deque()
        self._running: Iterator[Event] | None = None
        self._checkpoint: str | None = None  # the newest of the trial that runs
        self._threads = torch.get_num_threads()

    @property
    def busy(self) -> bool:
        """As `Executor.busy`."""
        return bool(self._trials or self._batches or self._running)

    @property
    def slots(self) -> int:
        """As `Executor.slots`."""
        return 1

    @property
    def evaluators(self) -> int:
        """As `Executor.evaluators`."""
        return 1 if self._batches and self._running is None else 0

    def describe(self) -> str:
        """As `Executor.describe`."""
        return "this process"

    def offer(self, resources: ResourcesSpec) -> Offer:
        """As `Executor.offer`."""
        gpu = {"GPU": 1.0} if gpus_here() else {}
        trial, evaluator = (
            StageOffer({"CPU": stage.cpu, **(gpu if stage.gpu else {})}, 1, memory_for_actors())
            for stage in (resources.trial, resources.evaluator)
        )
        total = {"CPU": trial.request["CPU"], **gpu}
        return Offer(self.describe(), total, trial, evaluator, 1, 1, gpu_kinds_here())

    def room(self, sweep: Sweep) -> Room:
        """As `Executor.room`."""
        return room_here(sweep)

    def check_workers(self, store: Store, sweep: Sweep) -> None:
        """As `Executor.check_workers`: this process has what it found, and sees what it writes."""

    def start(self, job: Job) -> None:
        """As `Executor.start`."""
        trials = {trial.id: trial for trial in job.trials}
        self._job, self._resources = job, asked_resources(job.record.sweep)
        self._stage1 = Stage1(job.record, job.store, trials, job.checkpoints, job.engine, job.rung)
        self._tasks = Tasks(job.datasets)
        stage2 = Stage2(job.record, job.store, job.engine)
        self._evaluator = Evaluator(stage2, job.datasets, gpu=_wanted(self._resources.evaluator))
        self._trials.extend(job.trials)

    def submit(self, batches: Iterable[Batch]) -> None:
        """As `Executor.submit`."""
        self._batches.extend(batches)

    def wait(self, timeout_s: float, outlook: Outlook) -> list[Event]:
        """As `Executor.wait`: does the next piece of work, however long it takes."""
        if self._running is None and self._batches:
            return [self._evaluate(self._batches.popleft())]
        if self._running is None and self._trials:
            self._running = self._train(self._trials.popleft())
        if self._running is not None:
            event = next(self._running, None)
            if event is not None:
                return [event]
            self._running = None
            if not self._trials:
                return [TrialsEnded()]
        return []

    def _train(self, trial: Trial) -> Iterator[Event]:
        yield TrialStarted(trial.id)
        self._checkpoint = None
        try:
            device = prepare(self._resources.trial, self._resources, gpu=_wanted(self._resources.trial))
            training = TrialTraining(self._stage1, trial, self._tasks, device)
            finished = False
            while not finished:
                report = training.step()
                finished = report["finished"]
                if report["should_checkpoint"]:
                    self._save(trial, training)
                yield TrialReport(trial.id, report)
        except Exception:
            yield TrialFailed(trial.id, traceback.format_exc())
        else:
            yield TrialFinished(trial.id)

    def _save(self, trial: Trial, training: TrialTraining) -> None:
        place = f"{CHECKPOINTS}/local_{trial.id.replace('/', '_')}/checkpoint_{training.reports:06d}"
        training.store_checkpoint(place)
        before, self._checkpoint = self._checkpoint, place
        if before is not None:
            remove_checkpoint(self._job.store, before)

    def _evaluate(self, batch: Batch) -> BatchFinished:
        try:
            found = self._evaluator.evaluate(batch)
        except Exception:
            return BatchFinished(batch, None, traceback.format_exc())
        return BatchFinished(batch, found.rows, actor=found.actor, span=found.span, notices=found.notices)

    def stop(self, *, at_once: bool) -> None:
        """As `Executor.stop`."""
        self._trials.clear()
        self._batches.clear()
        self._running = None
        # As `prepare` found them: this process is somebody's.
        torch.set_num_threads(self._threads)
        torch.set_flush_denormal(False)
        use_products("auto")


def _wanted(stage: StageResources) -> bool | None:
    """Nobody grants GPUs here: a stage takes what there is, unless it says that it wants none."""
    return None if stage.gpu else False
