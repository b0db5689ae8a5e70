"""What every worker process of either stage needs."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from pgan_ray.attacks import train_stack
from pgan_ray.data import Dataset, TaskData, select_task
from pgan_ray.errors import DeviceError
from pgan_ray.evaluation import CellResult, evaluate_cells
from pgan_ray.nn import use_products
from pgan_ray.runner.machine import DEVICE_VARIABLE, gpu_fault, without_kernels
from pgan_ray.spec import ResourcesSpec, Settings, StageResources, TaskSpec


@dataclass(frozen=True)
class Engine:
    """What trains in the workers. Others take its place where what lies around it is measured alone.

    ``stack``: makes what stage 1 trains, called as `train_stack`; ``evaluate``: called as `evaluate_cells`.
    """

    stack: Callable[..., Any] = train_stack
    evaluate: Callable[..., list[CellResult]] = evaluate_cells


def prepare(stage: StageResources, resources: ResourcesSpec, *, gpu: bool | None = None) -> torch.device:
    """Use the granted cores, the sweep's products, and the device of `compute_device`."""
    # Before any work in parallel: only threads that start later take it over.
    torch.set_flush_denormal(True)
    torch.set_num_threads(max(1, int(stage.cpu)))
    use_products(resources.cpu_products)
    return compute_device(gpu=gpu)


def compute_device(*, gpu: bool | None) -> torch.device:
    """Where this process computes. ``gpu``: whether it was granted (a share of) one; None: nobody grants any.

    Without a grant it keeps off a GPU that it sees: Ray hides none from an actor that asked for none. With one it must
    not end up on a CPU, where it would take a hundred times as long.

    Raises:
        DeviceError: PyTorch cannot use the GPU that was granted; `PGAN_RAY_DEVICE=cpu` computes on the CPU instead.
    """
    if gpu is False or os.environ.get(DEVICE_VARIABLE) == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available() and not without_kernels():
        return torch.device("cuda")
    if gpu:
        raise DeviceError(
            f"PyTorch must be able to use the GPU that this process was given, got: {gpu_fault()}; to compute on the "
            f"CPU instead, set {DEVICE_VARIABLE}=cpu"
        )
    return torch.device("cpu")


class Tasks:
    """The tasks of any settings: this process's one copy of what it trains on, which most configurations share."""

    def __init__(self, datasets: dict[str, Dataset]) -> None:
        self._datasets = datasets
        self._last: dict[str, tuple[str, TaskData]] = {}  # by use

    def of(self, settings: Settings) -> TaskData:
        """The victims' points, selected again only where they differ from the last ones. Raises `DataError`."""
        return self._select("victims", settings, settings.task)

    def surrogate_of(self, settings: Settings) -> TaskData:
        """The points that pGAN is trained on, likewise."""
        if settings.task.surrogate_classes is None:
            return self.of(settings)
        return self._select("surrogate", settings, settings.task.surrogate)

    def _select(self, use: str, settings: Settings, task: TaskSpec) -> TaskData:
        dataset = settings.dataset_key
        key = dataset + task.model_dump_json()
        if use not in self._last or self._last[use][0] != key:
            self._last[use] = (key, select_task(self._datasets[dataset], task))
        return self._last[use][1]
