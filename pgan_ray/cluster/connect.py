"""Starting or joining a Ray cluster, silently, and what it offers."""

import logging
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import ray

from pgan_ray.errors import SpecError
from pgan_ray.spec import ResourcesSpec, StageResources


@dataclass(frozen=True)
class Connection:
    """A cluster that this process is connected to. ``local_cores`` is None where it is not ours alone."""

    local_cores: int | None

    def has_gpu(self) -> bool:
        """Whether any node has a GPU now."""
        return bool(ray.cluster_resources().get("GPU", 0) > 0)

    def describe(self) -> str:
        """The cluster in words."""
        total = ray.cluster_resources()
        nodes = sum(1 for node in ray.nodes() if node["Alive"])
        cpus = self.local_cores or int(total.get("CPU", 0))
        return f"{nodes} node(s), {cpus} CPU(s), {total.get('GPU', 0):g} GPU(s)"

    def request(self, resources: StageResources) -> dict[str, float]:
        """What one actor of a stage asks for here: no share of a GPU where there is none."""
        wanted = {"CPU": resources.cpu}
        if resources.gpu and self.has_gpu():
            wanted["GPU"] = resources.gpu
        return wanted

    def slots(self, request: dict[str, float]) -> int:
        """How many actors with this request the cluster as it is now can hold at once."""
        total = ray.cluster_resources()
        return min(int(total.get(name, 0) / amount + 1e-9) for name, amount in request.items() if amount)


@contextmanager
def connect(address: str | None, *, evaluator_cpu: float, verbose: bool = False) -> Iterator[Connection]:
    """Join the cluster at ``address`` (or ``RAY_ADDRESS``), else start a local one; leave it at the end.

    A local cluster announces one evaluator's CPUs more than the machine has. Stage 2 so has a budget of its own
    while trials hold every core, and the system shares the cores between both; with less, one stage would starve
    the other or leave cores idle until the first generator is finished.
    """
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0" if not verbose else os.environ.get("RAY_AIR_NEW_OUTPUT", "1")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # the coming default; unset, Ray warns
    # Tune's CSV, JSON and TensorBoard loggers would repeat what the sweep's directory and MLflow hold.
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    level = logging.INFO if verbose else logging.ERROR
    quiet = {"logging_level": level, "log_to_driver": verbose}
    address = cluster_address(address)
    cores = None
    if address:
        ray.init(address=address, **quiet)
    else:
        cores = available_cores()
        ray.init(num_cpus=cores + math.ceil(evaluator_cpu), include_dashboard=False, **quiet)
    for name in ("ray.tune", "ray.train"):
        logging.getLogger(name).setLevel(level if verbose else logging.CRITICAL)
    try:
        yield Connection(cores)
    finally:
        ray.shutdown()


def check_fits(resources: ResourcesSpec, address: str | None) -> None:
    """See that an actor of each stage can ever start, before anything does. Raises `SpecError`.

    Only for a local cluster: one that is joined may grow.
    """
    if cluster_address(address):
        return
    faults = []
    cores, gpus = available_cores(), gpus_here()
    for name, stage in (("trial", resources.trial), ("evaluator", resources.evaluator)):
        if stage.cpu > cores:
            faults.append(f"resources.{name}.cpu: must be at most {cores} on this machine, got {stage.cpu:g}")
        if 0 < gpus < stage.gpu:
            faults.append(f"resources.{name}.gpu: must be at most {gpus} on this machine, got {stage.gpu:g}")
    if faults:
        raise SpecError(faults)


def cluster_address(address: str | None) -> str | None:
    """The cluster to join: ``address``, else ``RAY_ADDRESS``; None for a local one."""
    return address or os.environ.get("RAY_ADDRESS") or None


def available_cores() -> int:
    """The CPU cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def gpus_here() -> int:
    """The GPUs that a cluster started on this machine would have."""
    import torch

    return torch.cuda.device_count()
