"""The Ray executor: both stages on a cluster, each with a budget of its own."""

import queue
import time
from collections.abc import Iterable
from contextlib import suppress

import ray

from pgan_ray.cluster.connection import Connection
from pgan_ray.cluster.demand import Demand, worth
from pgan_ray.cluster.metrics import Metrics
from pgan_ray.cluster.room import room_on
from pgan_ray.cluster.stage1 import Stage1Run
from pgan_ray.cluster.stage2 import Stage2Run
from pgan_ray.results import Store
from pgan_ray.runner import Event, ExecutorNotice, Job, Offer, Outlook, StageOffer, TrialsEnded, TrialStarted
from pgan_ray.runner.asked import asked_resources
from pgan_ray.runner.cut import Batch
from pgan_ray.runner.evaluating import Stage2
from pgan_ray.runner.limits import Room
from pgan_ray.runner.training import Stage1
from pgan_ray.spec import ResourcesSpec, Sweep

STOP_S = 3.0  # a pod that is evicted has half a minute, a person less
WAIT_NOTICE_S = 60.0


class RayExecutor:
    """An `Executor` on the cluster of a `Connection`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._nodes = connection.nodes
        self._demand, self._demand_failed = Demand(), False
        self._trials_run = False

    @property
    def busy(self) -> bool:
        """As `Executor.busy`."""
        return self._trials_run or self._stage2.busy

    @property
    def slots(self) -> int:
        """As `Executor.slots`: at least one, so that an autoscaler sees the demand."""
        return max(1, self._connection.slots(self._evaluator_request))

    @property
    def evaluators(self) -> int:
        """As `Executor.evaluators`."""
        return self._stage2.running

    def describe(self) -> str:
        """As `Executor.describe`."""
        return self._connection.describe()

    def offer(self, resources: ResourcesSpec) -> Offer:
        """As `Executor.offer`."""
        here = self._connection
        trial, evaluator = (
            StageOffer(request, here.slots(request), here.memory_per_slot(request))
            for request in (here.request(resources.trial), here.request(resources.evaluator))
        )
        most = here.trial_limit(trial.request, evaluator.request)
        return Offer(here.describe(), here.total(), trial, evaluator, most, here.local_cores, tuple(here.gpu_kinds()))

    def room(self, sweep: Sweep) -> Room:
        """As `Executor.room`."""
        return room_on(self._connection, sweep)

    def check_workers(self, store: Store, sweep: Sweep) -> None:
        """As `Executor.check_workers`."""
        self._connection.check_nodes(store, sweep)

    def start(self, job: Job) -> None:
        """As `Executor.start`."""
        connection, resources = self._connection, asked_resources(job.record.sweep)
        self._evaluator_request = evaluator_request = connection.request(resources.evaluator)
        asked = connection.request(resources.trial)
        self._trial_request = trial_request = connection.spread(asked, evaluator_request, len(job.trials))
        at_once = connection.trial_limit(trial_request, evaluator_request)
        # An evaluator that is placed first would take the half of a GPU that a trial is to have.
        self._trials_to_place = min(len(job.trials), at_once) if trial_request != asked else 0
        datasets = ray.put(job.datasets)
        trials = {trial.id: trial for trial in job.trials}
        self._stage1 = Stage1Run(
            Stage1(job.record, job.store, trials, job.checkpoints, job.engine, job.rung),
            datasets,
            request=trial_request,
            limit=lambda: connection.trial_limit(trial_request, evaluator_request),
        )
        self._stage2 = Stage2Run(
            Stage2(job.record, job.store, job.engine), datasets, evaluator_request, resources.max_failures
        )
        self._trials_run, self._anything_started = bool(trials), not trials
        self._started_at = time.monotonic()
        self._metrics = Metrics(job)
        self._stage1.start()

    def submit(self, batches: Iterable[Batch]) -> None:
        """As `Executor.submit`."""
        self._stage2.add(batches)

    def wait(self, timeout_s: float, outlook: Outlook) -> list[Event]:
        """As `Executor.wait`."""
        trials_left = outlook.trials_left if self._trials_run else 0
        most = self._connection.evaluator_limit(self._trial_request, self._evaluator_request, trials_left)
        events = self._follow_cluster(trials_left, most, outlook.seconds_per_victim)
        places = self._trials_run and self._trials_to_place > 0 and time.monotonic() - self._started_at < WAIT_NOTICE_S
        works = self._stage2.busy and not places
        if not places:
            events += self._stage2.poll(most, timeout_s if works else 0)
        events += self._take_trials(0.0 if works or events or not self._trials_run else timeout_s)
        if not self._anything_started and time.monotonic() - self._started_at > WAIT_NOTICE_S:
            self._anything_started = True  # said once
            request = dict(self._trial_request)
            events.append(ExecutorNotice(f"no trial could start yet: waiting for a node with {request}"))
        self._metrics.count(events)
        self._metrics.show(self._stage2.waiting, self._stage2.running)
        return events

    def _take_trials(self, wait_s: float) -> list[Event]:
        """Stage 1's events; waits for one where nothing else would."""
        events: list[Event] = []
        while True:
            try:
                event = self._stage1.events.get(timeout=wait_s) if wait_s else self._stage1.events.get_nowait()
            except queue.Empty:
                return events
            wait_s = 0.0
            events.append(event)
            if isinstance(event, TrialStarted):
                self._anything_started = True
                self._trials_to_place -= 1
            if isinstance(event, TrialsEnded):
                self._trials_run = False

    def _follow_cluster(self, trials_left: int, most_evaluators: int, pace: float | None) -> list[Event]:
        """Tell of nodes that come and go, and show an autoscaler what more of them could be used for."""
        if not self._connection.may_grow:
            return []
        self._connection.check_own_node()
        events: list[Event] = []
        nodes = self._connection.nodes
        if nodes != self._nodes:
            self._nodes = nodes
            events.append(ExecutorNotice(f"the cluster changed: {self._connection.describe()}"))
        more_trials = trials_left - self._connection.trial_limit(self._trial_request, self._evaluator_request)
        at_work = self._stage2.running
        wanted = worth(self._stage2.waiting, self._stage2.cells_waiting, pace, at_work)
        more_evaluators = at_work + wanted - most_evaluators
        demand = [(self._trial_request, more_trials), (self._evaluator_request, more_evaluators)]
        try:
            self._demand.show(demand, nodes=nodes)
        except Exception as error:  # the sweep goes on with the nodes that there are
            if not self._demand_failed:
                self._demand_failed = True
                events.append(
                    ExecutorNotice(
                        f"Ray could not be told which trials and batches are waiting ({type(error).__name__}: {error})"
                    )
                )
        return events

    def stop(self, *, at_once: bool) -> None:
        """As `Executor.stop`."""
        self._stage1.stop()
        # A head that is away must not keep what is finished from its summary; groups and actors end with the job.
        with suppress(Exception):
            self._stage2.stop()
            self._metrics.show(0, 0)
        if not at_once:
            with suppress(Exception):
                self._demand.withdraw()
        self._stage1.join(STOP_S)
