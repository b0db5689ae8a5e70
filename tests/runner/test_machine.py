"""What this machine lends: the tightest limit of all control groups counts."""

from pathlib import Path

import pytest
import torch

from pgan_ray.errors import DeviceError, is_of_the_machine, is_out_of_memory, is_worth_retrying
from pgan_ray.runner.machine import gpu_fault, gpu_kind, gpus_here, memory_for_actors, memory_limits, unusable_gpus
from pgan_ray.runner.worker import compute_device


def machine(root: Path, groups: str, **limits: str) -> Path:
    """A file system whose process is in ``groups``; a limit's name is its file's path, with two lines for a slash."""
    files = {"proc/self/cgroup": groups, **{name.replace("__", "/"): limit for name, limit in limits.items()}}
    for name, text in files.items():
        file = root / (name if name.startswith("proc") else f"sys/fs/cgroup/{name}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")
    return root


def test_limits_of_a_group_and_of_those_around_it(tmp_path: Path) -> None:
    root = machine(
        tmp_path,
        "0::/jobs/mine",
        **{"jobs__mine__memory.max": "max", "jobs__memory.max": "3000", "jobs__other__memory.max": "1"},
    )
    assert list(memory_limits(root)) == [3000]


def test_a_container_sees_its_own_group_as_the_outermost(tmp_path: Path) -> None:
    assert list(memory_limits(machine(tmp_path, "0::/", **{"memory.max": "5000"}))) == [5000]
    # With the host's name for it, too.
    assert list(memory_limits(machine(tmp_path, "0::/docker/abc", **{"memory.max": "5000"}))) == [5000]


def test_groups_of_the_first_version(tmp_path: Path) -> None:
    root = machine(
        tmp_path,
        "9:cpu,cpuacct:/a\n4:memory:/a/b\n0::/",
        **{"memory__a__b__memory.limit_in_bytes": "7000", "memory__memory.limit_in_bytes": "9223372036854771712"},
    )
    assert list(memory_limits(root)) == [7000, 9223372036854771712]


def test_a_system_without_groups_has_no_limit(tmp_path: Path) -> None:
    assert list(memory_limits(tmp_path)) == []


def test_actors_get_what_the_store_leaves_of_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pgan_ray.runner.machine.memory_limits", lambda: iter([10_000]))
    assert memory_for_actors() == 7_000
    monkeypatch.setattr("pgan_ray.runner.machine.memory_limits", lambda: iter([]))
    assert memory_for_actors() > 10_000


def test_a_gpu_that_was_granted_and_cannot_be_used_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It must not end up on a core, where it would take a hundred times as long."""
    monkeypatch.delenv("PGAN_RAY_DEVICE", raising=False)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(
        DeviceError,
        match=r"must be able to use the GPU .*, got: .+; to compute on the CPU instead, set PGAN_RAY_DEVICE=cpu",
    ):
        compute_device(gpu=True)
    assert compute_device(gpu=None).type == "cpu"
    monkeypatch.setenv("PGAN_RAY_DEVICE", "cpu")
    assert compute_device(gpu=True).type == "cpu"


def test_who_asked_for_no_gpu_keeps_off_those_in_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGAN_RAY_DEVICE", raising=False)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert [compute_device(gpu=gpu).type for gpu in (True, None, False)] == ["cuda", "cuda", "cpu"]
    monkeypatch.setenv("PGAN_RAY_DEVICE", "cpu")
    assert compute_device(gpu=True).type == "cpu"


def test_a_gpu_counts_if_it_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an old driver NVML counts them, and the runtime cannot start."""
    monkeypatch.delenv("PGAN_RAY_DEVICE", raising=False)

    def no_driver() -> None:
        raise RuntimeError("The NVIDIA driver on your system is too old\n(found version 11000)")

    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.cuda.init", no_driver)
    assert (gpus_here(), unusable_gpus()) == (0, 2)
    assert gpu_fault() == "The NVIDIA driver on your system is too old (found version 11000)"
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert (gpus_here(), unusable_gpus()) == (2, 0)
    monkeypatch.setenv("PGAN_RAY_DEVICE", "cpu")
    assert (gpus_here(), unusable_gpus()) == (0, 0)


@pytest.mark.parametrize(
    ("capability", "built_for", "is_fine"),
    [
        ((9, 0), ("sm_80", "sm_90"), True),
        ((8, 9), ("sm_80", "sm_90"), True),  # of the same generation
        ((7, 0), ("sm_75", "sm_80"), False),
        ((12, 0), ("sm_90",), False),
        ((12, 0), ("sm_90", "compute_90"), True),  # compiled when it is first used
        ((9, 0), ("sm_90a",), True),
        ((9, 0), ("a name of tomorrow",), True),
    ],
)
def test_a_gpu_must_be_one_that_pytorch_has_kernels_for(
    capability: tuple[int, int], built_for: tuple[str, ...], is_fine: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGAN_RAY_DEVICE", raising=False)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.init", lambda: None)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("torch.cuda.get_arch_list", lambda: list(built_for))
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda index: capability)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda index: "Some GPU")
    assert gpus_here() == (1 if is_fine else 0)
    if is_fine:
        assert compute_device(gpu=True).type == "cuda"
    else:
        told = rf"got: Some GPU has compute capability {capability[0]}\.{capability[1]}, torch \S+ is built for sm_"
        with pytest.raises(DeviceError, match=told):
            compute_device(gpu=True)


@pytest.mark.parametrize(
    ("error", "is_machine"),
    [
        (RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(...)`"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), True),
        (RuntimeError("CUDA driver error: out of memory"), True),  # of memory that grows in place
        (RuntimeError("Triton Error [CUDA]: an illegal memory access was encountered"), True),  # of `torch.compile`
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (DeviceError("a GPU was granted"), True),  # another node's may do
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"), False),
        (ValueError("CUDA error: somebody's own text"), False),
    ],
)
def test_what_a_gpus_libraries_raise_is_the_machines_failure(error: Exception, is_machine: bool) -> None:
    assert is_of_the_machine(error) == is_worth_retrying(error) == is_machine


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (
            torch.AcceleratorError("CUDA error: out of memory\nSearch for `cudaErrorMemoryAllocation'"),
            True,
        ),  # a graph's
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"), True),
        (RuntimeError("CUDA driver error: out of memory"), True),
        (RuntimeError("Triton Error [CUDA]: out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(...)`"), False),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"), False),
        (MemoryError(), False),  # a smaller stack is for a GPU's
    ],
)
def test_a_gpu_out_of_memory_says_so_in_several_ways(error: Exception, is_memory: bool) -> None:
    assert is_out_of_memory(error) == is_memory


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("NVIDIA H200", "h200"),
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA A100-SXM4-80GB", "a100"),
        ("Tesla T4", "t4"),
        ("AMD Instinct MI300X", "amd"),  # unknown, and said to be
        ("", "unknown"),  # as ROCm has it where a container lacks the table of names
    ],
)
def test_the_kind_of_a_gpu_by_its_name(name: str, kind: str) -> None:
    assert gpu_kind(name) == kind
