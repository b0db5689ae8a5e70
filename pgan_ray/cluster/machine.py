"""What this machine lends to this process: cores, memory, GPUs."""

import os
from collections.abc import Iterator
from pathlib import Path

# As Ray announces it of a machine's memory; the rest is its object store.
ANNOUNCED = 0.7
# Of the control groups' two versions: where their files are, and which of them holds the limit.
GROUPS = Path("sys/fs/cgroup"), "memory.max"
FIRST_GROUPS = Path("sys/fs/cgroup/memory"), "memory.limit_in_bytes"


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
