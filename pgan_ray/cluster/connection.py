"""Starting or joining a Ray cluster, silently, and what it offers."""

import logging
import math
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn

import ray
from ray.exceptions import GetTimeoutError, RayError, TaskUnschedulableError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from pgan_ray.cluster.preflight import check_address, check_machine, cluster_address
from pgan_ray.errors import ClusterError
from pgan_ray.registry import ComponentError
from pgan_ray.results import Store, redact
from pgan_ray.runner.asked import asked_resources
from pgan_ray.runner.machine import (
    DEVICE_VARIABLE,
    available_cores,
    evaluators_on_gpus,
    fitting,
    gpu_fault,
    gpus_here,
    memory_for_actors,
    spread,
    trial_limit,
)
from pgan_ray.spec import StageResources, Sweep
from pgan_ray.spec.components import find_component
from pgan_ray.spec.resources import LEAST_GPU

GPU_ANSWER_S = 60.0  # of a node whose GPU is asked for; another sweep may have all of it
ANSWER_S = 120.0  # of a node that is asked whether it sees the sweep's directory: its worker has to start
NODES_FRESH_S = 2.0
FREED_S, FREED_POLL_S = 2.0, 0.05  # Ray tells of a GPU that was given back a tenth of a second later
ACCELERATOR = "accelerator_type:"
Request = Mapping[str, float]


@dataclass
class _Nodes:
    """The nodes. The driver's loop asks at every turn; Ray is asked at most every `NODES_FRESH_S`."""

    _found: list[dict[str, object]] = field(default_factory=list)
    _asked: float = float("-inf")

    def known(self) -> list[dict[str, object]]:
        """Those that are gone, too."""
        now = time.monotonic()
        if now - self._asked > NODES_FRESH_S:
            self._found, self._asked = ray.nodes(), now
        return self._found

    def now(self) -> list[dict[str, object]]:
        """Those that live."""
        return [node for node in self.known() if node["Alive"]]


@dataclass(frozen=True)
class Connection:
    """A cluster that this process is connected to. ``local_cores`` is None where it was joined, not started.

    ``expects_gpus``: an autoscaler will bring them.
    """

    local_cores: int | None
    expects_gpus: bool = False
    _nodes: _Nodes = field(default_factory=_Nodes, init=False, repr=False, compare=False)

    @property
    def may_grow(self) -> bool:
        """Whether nodes may come and go: of a cluster that was joined."""
        return self.local_cores is None

    @property
    def nodes(self) -> int:
        """Nodes that live now, the head among them."""
        return len(self._nodes.now())

    def check_own_node(self) -> None:
        """See that the node through which this process asks for actors is not lost. Raises `ClusterError`.

        A head that keeps its state in Redis comes back as another node. Ray ends workers of the lost one, and leaves a
        driver that was attached to it waiting for actors that nobody starts.
        """
        own = ray.get_runtime_context().get_node_id()
        if any(node.get("NodeID") == own for node in self._nodes.known() if not node["Alive"]):
            raise ClusterError(f"the node that the driver was attached to ({own[:8]}) must stay alive, but was lost")

    def has_gpu(self) -> bool:
        """Whether any node has a GPU now, or will have."""
        return self.expects_gpus or bool(ray.cluster_resources().get("GPU", 0) > 0)

    def total(self) -> dict[str, float]:
        """CPUs and GPUs of all nodes."""
        found = ray.cluster_resources()
        return {name: float(found[name]) for name in ("CPU", "GPU") if name in found}

    def node_resources(self) -> list[dict[str, float]]:
        """What each node that lives now has."""
        return [_resources(node) for node in self._nodes.now()]

    def gpu_kinds(self) -> list[str]:
        """The kinds of its GPUs, as ``h100``, where Ray knows them."""
        names = [name for name in ray.cluster_resources() if name.startswith(ACCELERATOR)]
        return sorted({name.removeprefix(ACCELERATOR).split("-")[0].lower() for name in names})

    def describe(self) -> str:
        """The cluster in words."""
        total = ray.cluster_resources()
        cpus = self.local_cores or int(total.get("CPU", 0))
        return f"{self.nodes} node(s), {cpus} CPU(s), {total.get('GPU', 0):g} GPU(s)"

    def request(self, resources: StageResources) -> dict[str, float]:
        """What one actor of a stage asks for here: no share of a GPU where there is none."""
        wanted = {"CPU": resources.cpu}
        if resources.gpu and self.has_gpu():
            wanted["GPU"] = resources.gpu
        return wanted

    def slots(self, request: Request) -> int:
        """How many actors with this request the nodes as they are now can hold at once."""
        found = sum(_fitting(node, request) for node in self._nodes.now())
        return found if self.local_cores is None else min(found, int(self.local_cores / request["CPU"] + 1e-9))

    def trial_limit(self, trial: Request, evaluator: Request) -> int:
        """How many trials may run at once, so that stage 2 has room beside them; at least one.

        A local cluster announces the room of one evaluator on top of its cores.
        """
        local = self.local_cores is not None
        return trial_limit(self.slots(trial), self._total_for(trial), trial, evaluator, local=local)

    def spread(self, trial: Request, evaluator: Request, trials: int) -> Request:
        """What each of so many ``trials`` asks for to spread over the GPUs, where nobody else uses any of them."""
        gpus = self._total_for(trial).get("GPU", 0.0)
        apart = spread(trial, trials, gpus, lambda asked: self.trial_limit(asked, evaluator))
        return apart if apart == trial or _all_gpus_are_free() else trial

    def evaluator_limit(self, trial: Request, evaluator: Request, trials_left: int) -> int:
        """How many evaluators may run at once beside the trials that are left; at least one.

        Trials go first: each of them has batches to follow, and Ray gives what is free to whoever asks at that moment.
        """
        trials = min(trials_left, self.trial_limit(trial, evaluator))
        total = self._total_for(evaluator)
        room = min(
            int((total.get(name, 0) - trials * trial.get(name, 0)) / amount + 1e-9)
            for name, amount in evaluator.items()
            if amount
        )
        if 0 < evaluator.get("GPU", 0.0) < 1 and trial.get("GPU", 0.0) < 1:
            shares = evaluator["GPU"], trial.get("GPU", 0.0)
            room = min(room, evaluators_on_gpus(total["GPU"], *shares, trials))
        return max(1, min(self.slots(evaluator), room))

    def _total_for(self, request: Request) -> dict[str, float]:
        """What the nodes have together on which an actor with this request finds room: the others are no use to it."""
        fitting = [_resources(node) for node in self._nodes.now() if _fitting(node, request)]
        return {name: sum(has.get(name, 0.0) for has in fitting) for name in request}

    def memory_per_slot(self, request: Request) -> int:
        """Bytes of main memory for each actor with this request."""
        found = float(ray.cluster_resources().get("memory", 0))
        if self.local_cores is not None:
            found = min(found, memory_for_actors())
        return int(found / max(1, self.slots(request)))

    def check_nodes(self, store: Store, sweep: Sweep) -> None:
        """See that every node has this package and the sweep's own classes, and sees the files of ``store``.

        And that PyTorch can use the GPUs, where the sweep asks for some. Raises `ClusterError`.
        """
        asked = asked_resources(sweep)
        if asked.trial.gpu or asked.evaluator.gpu:
            self._check_gpus()
        foreign, is_remote = sweep.foreign_components, "://" in store.location
        if self.local_cores is not None or (is_remote and not foreign):
            return
        token = f".shared-{secrets.token_hex(4)}"
        store.write(token, b"")
        try:
            for node in self._nodes.now():
                place = f"node {node.get('NodeManagerAddress')}"
                faults = self._ask(node, place, store, token, foreign)
                if faults:
                    raise ClusterError("\n".join(f"{place} {fault}" for fault in faults))
        finally:
            store.delete(token)

    def _check_gpus(self) -> None:
        """See that a process on each node with a GPU can use it. One that has none to spare now is not waited for."""
        if os.environ.get(DEVICE_VARIABLE) == "cpu":
            return
        if self.local_cores is not None:
            announced = ray.cluster_resources().get("GPU", 0)
            if announced > (usable := gpus_here()):
                self._refuse_gpus(
                    [
                        f"PyTorch must be able to use the {announced:g} GPU(s) that Ray has here, got {usable}: "
                        f"{gpu_fault()}"
                    ]
                )
            return
        asked = {}
        for node in self._nodes.now():
            if not _resources(node).get("GPU"):
                continue
            here = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            look = ray.remote(num_cpus=0, num_gpus=LEAST_GPU, max_retries=0)(gpu_fault_here)
            asked[look.options(scheduling_strategy=here).remote()] = node.get("NodeManagerAddress")
        answered, silent = ray.wait(list(asked), num_returns=len(asked), timeout=GPU_ANSWER_S) if asked else ([], [])
        faults = []
        for answer in answered:
            try:
                fault = ray.get(answer)
            except RayError as error:
                fault = "" if isinstance(error, TaskUnschedulableError) else _last_line(error)
            if fault:
                faults.append(f"PyTorch must be able to use the GPU of node {asked[answer]}, got: {fault}")
        for task in silent:
            ray.cancel(task)
        if faults:
            self._refuse_gpus(faults)

    def _refuse_gpus(self, faults: list[str]) -> NoReturn:
        """Tell the ways out: the driver and PyTorch's build, CPUs, or a rehearsal."""
        remedy = "to use no GPUs, set resources.trial.gpu=0 and resources.evaluator.gpu=0"
        rehearsal = f"to keep them reserved but compute on CPUs, set {DEVICE_VARIABLE}=cpu on every node"
        raise ClusterError("\n".join([*faults, f"({remedy}; {rehearsal})"]))

    def _ask(
        self, node: Mapping[str, object], place: str, store: Store, token: str, foreign: list[tuple[str, str]]
    ) -> list[str]:
        """What one node misses; nothing of one that has gone."""
        here = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        look = ray.remote(num_cpus=0)(missing_here).options(scheduling_strategy=here)
        try:
            return list(ray.get(look.remote(store, token, foreign), timeout=ANSWER_S))
        except TaskUnschedulableError:
            return []  # the node has gone, which Ray may notice late
        except GetTimeoutError:
            raise ClusterError(f"{place} must answer, got no answer within {ANSWER_S:.0f} s") from None
        except RayError as error:
            if node["NodeID"] not in {other["NodeID"] for other in ray.nodes() if other["Alive"]}:
                return []
            raise ClusterError(f"{place} must have pgan-ray installed, got {_last_line(error)}") from None


def _all_gpus_are_free() -> bool:
    """Whether nobody uses any, once Ray knows of those that a look at the nodes or a search's last wave gave back."""
    end = time.monotonic() + FREED_S
    while ray.available_resources().get("GPU", 0.0) < ray.cluster_resources().get("GPU", 0.0):
        if time.monotonic() > end:
            return False
        time.sleep(FREED_POLL_S)
    return True


def gpu_fault_here() -> str:
    """Why PyTorch can use no GPU in this process; empty where it can."""
    return "" if gpus_here() else gpu_fault()


def missing_here(store: Store, token: str, foreign: list[tuple[str, str]]) -> list[str]:
    """What of a sweep this process has not: its directory's file ``token``, or a component (kind, name)."""
    faults = []
    for kind, name in foreign:
        try:
            find_component(kind, name)
        except ComponentError as error:
            faults.append(
                f"must be able to import the {kind} {name!r}, got {error}: install its package on every node, or send "
                "it with `pgan-ray submit --package DIR`"
            )
    if not store.exists(token):
        faults.append(
            f"must see {store.location}, got a directory that lacks what the driver wrote there: with --out, name one "
            "that all nodes share, or s3://..."
        )
    return faults


@contextmanager
def connect(
    address: str | None, *, evaluator_cpu: float, verbose: bool = False, expects_gpus: bool = False
) -> Iterator[Connection]:
    """Join the cluster at ``address`` (or ``RAY_ADDRESS``), else start a local one; leave it at the end.

    A local cluster announces one evaluator's CPUs more than the machine has. Stage 2 so has a budget of its own
    while trials hold every core, and the system shares the cores between both; with less, one stage would starve
    the other or leave cores idle until the first generator is finished. Raises `ClusterError`.
    """
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0" if not verbose else os.environ.get("RAY_AIR_NEW_OUTPUT", "1")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # the coming default; unset, Ray warns
    # Tune's CSV, JSON and TensorBoard loggers would repeat what the sweep's directory and MLflow hold.
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    level = logging.INFO if verbose else logging.ERROR
    quiet: dict[str, object] = {"logging_level": level, "log_to_driver": verbose}
    address = cluster_address(address)
    cores = None
    if address:
        _join(address, quiet)
    else:
        cores = available_cores()
        _start(cores + math.ceil(evaluator_cpu), quiet)
    for name in ("ray.tune", "ray.train"):
        logging.getLogger(name).setLevel(level if verbose else logging.CRITICAL)
    try:
        yield Connection(cores, expects_gpus)
    finally:
        ray.shutdown()


def _start(cpus: int, quiet: dict[str, object]) -> None:
    check_machine()
    try:
        # By name: without it Ray joins whatever cluster somebody else last started on this machine.
        # Ray counts GPUs by their files, Apple's among them: only those are of use that PyTorch can compute on.
        ray.init(address="local", num_cpus=cpus, num_gpus=gpus_here(), include_dashboard=False, **quiet)
    except Exception as error:  # Ray raises no narrower one where a part of it does not come up
        raise ClusterError(f"Ray must start on this machine, got {_last_line(error)}") from None


def _join(address: str, quiet: dict[str, object]) -> None:
    check_address(address)
    try:
        ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError, RayError) as error:
        raise ClusterError(
            f"the Ray cluster at {redact(address)} must answer, got {_last_line(error)} "
            "(if it uses token authentication, set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH)"
        ) from None


def _fitting(node: Mapping[str, object], request: Request) -> int:
    return fitting(_resources(node), request)


def _resources(node: Mapping[str, object]) -> dict[str, float]:
    has = node["Resources"]
    assert isinstance(has, dict)
    return has


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
