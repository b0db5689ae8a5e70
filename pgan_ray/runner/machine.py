"""What this machine lends to this process: cores, memory, GPUs."""

import math
import os
import platform
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pgan_ray.spec import ResourcesSpec

if TYPE_CHECKING:
    import torch

# As Ray announces it of a machine's memory; the rest is its object store.
ANNOUNCED = 0.7
# Of the control groups' two versions: where their files are, and which of them holds the limit.
GROUPS = Path("sys/fs/cgroup"), "memory.max"
FIRST_GROUPS = Path("sys/fs/cgroup/memory"), "memory.limit_in_bytes"
# Of the actors that a joined cluster can hold at once, one in so many is left to stage 2 while stage 1 runs.
RESERVED_SHARE = 8
RAYS_UNITS = 10_000  # Ray counts a resource in ten thousandths


def available_cores() -> int:
    """The CPU cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


DEVICE_VARIABLE = "PGAN_RAY_DEVICE"
"""Of the environment; ``cpu`` keeps every process off the GPUs."""


def gpus_here() -> int:
    """The GPUs on this machine that PyTorch can use, and that a cluster started here has.

    They are counted by the driver; whether they can be used only the runtime knows.
    """
    import torch

    if os.environ.get(DEVICE_VARIABLE) == "cpu" or not torch.cuda.is_available() or without_kernels():
        return 0
    return torch.cuda.device_count()


def gpu_kinds_here() -> tuple[str, ...]:
    """The kinds of `gpus_here`, as ``h100``."""
    import torch

    return tuple(sorted({gpu_kind(torch.cuda.get_device_name(gpu)) for gpu in range(gpus_here())}))


def gpu_kind(name: str) -> str:
    """Of a GPU that calls itself ``name``: ``h100`` of NVIDIA H100 80GB HBM3. Some have no name to PyTorch."""
    words = re.sub("^(nvidia|tesla) ", "", name.lower()).replace("-", " ").split()
    return words[0] if words else "unknown"


def gpu_fault() -> str:
    """Why PyTorch can use no GPU here."""
    import torch

    if os.environ.get(DEVICE_VARIABLE) == "cpu":
        return f"{DEVICE_VARIABLE}=cpu"
    try:
        torch.cuda.init()
    except (AssertionError, RuntimeError) as error:
        return " ".join(str(error).split()) or type(error).__name__
    if fault := without_kernels():
        return fault
    return f"PyTorch sees {torch.cuda.device_count()} GPU(s)"


def without_kernels() -> str:
    """Which GPU PyTorch's build has no kernels for; empty where there is none such."""
    import torch

    built_for = torch.cuda.get_arch_list()
    for gpu in range(torch.cuda.device_count() if built_for else 0):
        capability = torch.cuda.get_device_capability(gpu)
        if not _is_supported(capability, built_for):
            name, (major, minor) = torch.cuda.get_device_name(gpu), capability
            built = f"torch {torch.__version__} is built for {', '.join(built_for)}"
            return f"{name} has compute capability {major}.{minor}, {built}"
    return ""


def _is_supported(capability: tuple[int, int], built_for: list[str]) -> bool:
    """Binaries run on later GPUs of their own generation; what is built as ``compute_`` on all later ones."""
    for name in built_for:
        kind, _, number = name.partition("_")
        digits = number.rstrip("af")  # as sm_90a
        if not digits.isdigit():
            return True  # a build whose names we do not know
        major, minor = divmod(int(digits), 10)
        if kind == "compute" and capability >= (major, minor):
            return True
        if kind == "sm" and capability[0] == major and capability[1] >= minor:
            return True
    return False


def unusable_gpus() -> int:
    """The GPUs on this machine that the driver knows and PyTorch cannot use."""
    import torch

    return 0 if os.environ.get(DEVICE_VARIABLE) == "cpu" else torch.cuda.device_count() - gpus_here()


def device_name(device: "torch.device") -> str:
    """The kind of ``device`` and what it is called: ``cpu: AMD EPYC``. Between different ones bits differ."""
    import torch

    name = torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()
    return f"{device.type}: {name}"


@cache
def cpu_name() -> str:
    """What this machine's processor calls itself."""
    lines = _lines(Path("/proc/cpuinfo"))
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or sys.platform


def cpu_products(resources: ResourcesSpec) -> str:
    """Whose products of float32 all workers of a sweep take that begins on this machine."""
    from pgan_ray.nn import faster_products

    return faster_products() if resources.cpu_products == "auto" else resources.cpu_products


def gpu_bytes_here() -> int:
    """Bytes of memory of the smallest of these GPUs; 0 where there is none."""
    import torch

    return min((torch.cuda.get_device_properties(gpu).total_memory for gpu in range(gpus_here())), default=0)


def memory_for_actors() -> int:
    """Bytes of main memory that a cluster on this machine has for its actors."""
    return int(ANNOUNCED * min([os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *memory_limits()]))


def memory_limits(root: Path = Path("/")) -> Iterator[int]:
    """Bytes that this process's control group, and those around it, may use in all: in a container less than there is.

    Ray asks the outermost group alone.
    """
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        folder, name = FIRST_GROUPS if controllers else GROUPS
        group = Path(path.lstrip("/"))
        for around in (group, *group.parents):
            yield from (int(limit) for limit in _lines(root / folder / around / name) if limit.isdigit())


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:
        return []  # another system, or a group whose files are not shown here


def fitting(has: Mapping[str, float], request: Mapping[str, float]) -> int:
    """How many actors with this ``request`` a node has room for. A share of a GPU is one of a single GPU."""

    def of(name: str, amount: float) -> int:
        there = has.get(name, 0.0)
        if name == "GPU" and amount < 1:
            return int(there + 1e-9) * int(1 / amount + 1e-9)
        return int(there / amount + 1e-9)

    return min(of(name, amount) for name, amount in request.items() if amount)


def trial_limit(
    slots: int, total: Mapping[str, float], trial: Mapping[str, float], evaluator: Mapping[str, float], *, local: bool
) -> int:
    """How many trials may run at once, so that stage 2 has room beside them; at least one.

    Of a cluster with so many ``slots`` for trials, and the resources ``total``; ``local``: started on this machine,
    where it announces the room of one evaluator on top of the cores.
    """
    evaluators = 1 if local else -(-slots // RESERVED_SHARE)
    room = min(
        int((total.get(name, 0) - evaluators * evaluator.get(name, 0)) / amount + 1e-9)
        for name, amount in trial.items()
        if amount
    )
    if 0 < trial.get("GPU", 0.0) < 1:
        room = min(room, _room_on_gpus(total.get("GPU", 0.0), trial["GPU"], evaluator.get("GPU", 0.0), evaluators))
    return max(1, min(slots, room))


def spread(
    trial: Mapping[str, float], trials: int, gpus: float, limit: Callable[[Mapping[str, float]], int]
) -> Mapping[str, float]:
    """What each of so many ``trials`` asks for, at least ``trial``, to spread over all of the ``gpus``.

    Ray fills one GPU before it takes the next: four quarters would share one while others have nothing to do. A little
    more than half of one has it for itself, beside evaluators that fit into the rest. ``limit``: how many trials that
    ask for so much may run at once, which are not to become fewer.
    """
    share = trial.get("GPU", 0.0)
    if not 0 < share < 1 or not trials or gpus < 2:
        return trial
    on_each = -(-trials // int(gpus))
    apart = {**trial, "GPU": max(share, (RAYS_UNITS // (on_each + 1) + 1) / RAYS_UNITS)}
    return apart if limit(apart) >= min(trials, limit(trial)) else trial


def evaluators_on_gpus(gpus: float, evaluator: float, trial: float, trials: int) -> int:
    """Evaluators with this share of one of the ``gpus`` beside so many ``trials`` with theirs, as Ray fills them."""
    each = int(1 / trial + 1e-9) if trial else 0
    full, rest = divmod(min(trials, int(gpus) * each), each) if each else (0, 0)
    shares = [(full, 1 - each * trial), (rest > 0, 1 - rest * trial), (int(gpus) - full - (rest > 0), 1.0)]
    return sum(number * int(left / evaluator + 1e-9) for number, left in shares)


def _room_on_gpus(gpus: float, trial: float, evaluator: float, evaluators: int) -> int:
    """Trials with this share of one of the ``gpus``, beside so many ``evaluators``: what is left of two is not one."""
    each = int(1 / trial + 1e-9)
    left = 1 - each * trial
    beside = int(gpus) * int(left / evaluator + 1e-9) if evaluator else evaluators
    taken = max(0, evaluators - beside) * math.ceil((evaluator - left) / trial - 1e-9)
    return int(gpus) * each - taken


def faults_here(resources: ResourcesSpec) -> list[str]:
    """What of ``resources`` this machine never grants, a line each."""
    faults = []
    cores, gpus = available_cores(), gpus_here()
    for name, stage in (("trial", resources.trial), ("evaluator", resources.evaluator)):
        if stage.cpu > cores:
            faults.append(f"resources.{name}.cpu: must be at most {cores} on this machine, got {stage.cpu:g}")
        if 0 < gpus < stage.gpu:
            faults.append(f"resources.{name}.gpu: must be at most {gpus} on this machine, got {stage.gpu:g}")
    return faults
