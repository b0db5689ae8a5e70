"""The interface between the driver and what runs its work: trials (stage 1) and batches of cells (stage 2)."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pgan_ray.data import Dataset
from pgan_ray.results import Store
from pgan_ray.runner.cut import Batch, Trial
from pgan_ray.runner.limits import Room
from pgan_ray.runner.machine import DEVICE_VARIABLE
from pgan_ray.runner.timeline import Span
from pgan_ray.runner.worker import Engine
from pgan_ray.spec import ResourcesSpec, Sweep, SweepRecord

Request = Mapping[str, float]
Row = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """What an executor is to run: the ``trials`` that are not finished; batches follow by `Executor.submit`.

    ``checkpoints``: as `pgan_ray.results.find_checkpoints` found them. ``rung``: the share of their training that the
    trials are to come to; None: their end.
    """

    record: SweepRecord
    store: Store
    datasets: dict[str, Dataset]
    trials: Sequence[Trial]
    checkpoints: dict[str, list[str]] = field(default_factory=dict)
    engine: Engine = field(default_factory=Engine)
    rung: float | None = None


@dataclass(frozen=True)
class StageOffer:
    """What an executor offers one stage.

    ``request``: what one actor asks for, by resource; ``slots``: actors that can work at once, on the nodes as they
    are now; ``memory_bytes``: main memory of each.
    """

    request: Request
    slots: int
    memory_bytes: int

    @property
    def on_gpu(self) -> bool:
        """Whether the actors have a share of a GPU."""
        return "GPU" in self.request

    @property
    def device(self) -> str:
        """The kind of device that the actors train on: ``cuda`` or ``cpu``."""
        return "cuda" if self.on_gpu and os.environ.get(DEVICE_VARIABLE) != "cpu" else "cpu"


@dataclass(frozen=True)
class Offer:
    """What an executor offers a sweep, for sizing its stacks and for estimates.

    ``name``: in words; ``total``: CPUs and GPUs; ``trial_limit``: trials that run at once while both stages do;
    ``cores``: of this machine, None on a cluster that was joined.
    """

    name: str
    total: Mapping[str, float]
    trial: StageOffer
    evaluator: StageOffer
    trial_limit: int
    cores: int | None
    gpu_kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrialStarted:
    """A trial began."""

    trial: str


@dataclass(frozen=True)
class TrialReport:
    """A part of a trial's training is done; ``result`` is that of `pgan_ray.runner.training.TrialTraining.step`."""

    trial: str
    result: Mapping[str, Any]


@dataclass(frozen=True)
class TrialFinished:
    """A trial's generators are in the store. May come twice after a recovery."""

    trial: str


@dataclass(frozen=True)
class TrialRetried:
    """A trial was lost, and goes on from its last checkpoint; ``message``: the traceback or reason."""

    trial: str
    message: str


@dataclass(frozen=True)
class TrialFailed:
    """A trial ended without generators; ``message``: its (remote) traceback."""

    trial: str
    message: str


@dataclass(frozen=True)
class TrialsEnded:
    """No trial runs any more; ``message``: the traceback where stage 1 failed as a whole."""

    message: str = ""


@dataclass(frozen=True)
class BatchFinished:
    """A batch came to an end: its ``rows``, or the (remote) traceback of its failure in ``error``."""

    batch: Batch
    rows: list[Row] | None
    error: str = ""
    actor: str = ""
    span: Span | None = None
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class BatchRetried:
    """A batch was lost with its evaluator, and is run again."""

    batch: Batch
    message: str


@dataclass(frozen=True)
class ExecutorNotice:
    """One line that people should read, such as a cluster that changed."""

    text: str


Event = (
    TrialStarted
    | TrialReport
    | TrialFinished
    | TrialRetried
    | TrialFailed
    | TrialsEnded
    | BatchFinished
    | BatchRetried
    | ExecutorNotice
)


@dataclass(frozen=True)
class Outlook:
    """What the driver knows of the work ahead. ``seconds_per_victim``: the pace so far, None before there is one."""

    trials_left: int
    seconds_per_victim: float | None


class Executor(Protocol):
    """Runs trials and batches, in this process or on a cluster. Called from the driver's one loop."""

    @property
    def busy(self) -> bool:
        """Whether a trial or a batch waits or runs."""

    @property
    def slots(self) -> int:
        """Evaluators that could work at once now; at least one."""

    @property
    def evaluators(self) -> int:
        """Evaluators that hold a batch now."""

    def describe(self) -> str:
        """Where it runs, in words."""

    def offer(self, resources: ResourcesSpec) -> Offer:
        """What a sweep with these ``resources`` finds here."""

    def room(self, sweep: Sweep) -> Room:
        """The memory that one worker of either stage finds here."""

    def check_workers(self, store: Store, sweep: Sweep) -> None:
        """See that whoever works has the sweep's classes, and sees the files of ``store``. Raises `ClusterError`."""

    def start(self, job: Job) -> None:
        """Begin the trials of ``job``. To be called once."""

    def submit(self, batches: Iterable[Batch]) -> None:
        """Queue ``batches``."""

    def wait(self, timeout_s: float, outlook: Outlook) -> list[Event]:
        """Go on until something happens or ``timeout_s`` passes; returns all that happened, in order.

        Raises what keeps every batch from running.
        """

    def stop(self, *, at_once: bool) -> None:
        """End what still runs; what it has not handed over is lost. ``at_once``: somebody waits."""
