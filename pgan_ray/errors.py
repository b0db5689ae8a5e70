"""What can go wrong, by cause. Only the command line turns these errors into exit codes."""

import re
import sys
import traceback


class PganRayError(Exception):
    """Root of all errors that pgan-ray raises on purpose."""


class SpecError(PganRayError):
    """The sweep file, or an option given with it, is not valid.

    ``faults``: every fault that was found, one line each: ``file:key[index]: what must hold, got value``.
    """

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class DataError(PganRayError):
    """A data set is missing, damaged, or not what its name says. The message says what to do."""


class TrackingError(PganRayError):
    """The MLflow tracking server or store cannot be used."""


class ClusterError(PganRayError):
    """The Ray cluster does not answer, or cannot run a sweep as it is."""


class DeviceError(PganRayError):
    """PyTorch cannot use the GPU that a process was given. The message says why."""


class ContractError(ValueError):
    """A component returned something invalid. The message says what must hold, so no traceback is needed."""


class CheckpointError(PganRayError):
    """This process cannot continue from a checkpoint. The message says what is needed."""


# Of the libraries below PyTorch, whose failures are plain `RuntimeError`s: they begin so, or hold such a status.
_OF_A_LIBRARY = re.compile(
    r"^(CUDA( driver)?|cuDNN|NVML|Triton) error|\b(CUBLAS|CUBLASLT|CUDNN|CUSOLVER|CUSPARSE|CUFFT)_STATUS_[A-Z_]+",
    re.IGNORECASE,
)


# To a graph, or to a library beside PyTorch's allocator.
_OUT_OF_MEMORY = re.compile(
    r"^(CUDA( driver)?|Triton) error\b.*: out of memory|\bCU[A-Z]+_STATUS_\w*ALLOC\w*_FAILED", re.IGNORECASE
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a GPU has too little memory, whoever noticed it."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and _OUT_OF_MEMORY.search(str(error)) is not None


def is_of_the_machine(error: BaseException) -> bool:
    """Whether memory or a GPU failed, and not the code in which it was noticed."""
    torch = sys.modules.get("torch")  # without it, no error is torch's
    # After an error of the accelerator nothing works in this process any more, whoever tries.
    kinds = () if torch is None else (torch.OutOfMemoryError, torch.AcceleratorError)
    if isinstance(error, (MemoryError, DeviceError, *kinds)):
        return True
    return isinstance(error, RuntimeError) and _OF_A_LIBRARY.search(str(error)) is not None


def is_worth_retrying(error: BaseException) -> bool:
    """Whether a store, a disk, memory or a GPU failed: in a new process or on another node it may go well."""
    return isinstance(error, OSError) or is_of_the_machine(error)


# What an error says, or the line that raised it, where it is about a processor, its memory, or the environment.
_OF_A_DEVICE = re.compile(
    r"\b(cuda|cpu|gpus?|nvidia|triton|xpu|mps|device|accelerators?)\b|is_cuda|environ", re.IGNORECASE
)


def may_be_of_this_place(error: BaseException) -> bool:
    """Whether the same may go well on another node, which has a GPU, files or packages that are not here."""
    if isinstance(error, (OSError, ImportError)) or is_of_the_machine(error):
        return True
    frames = traceback.extract_tb(error.__traceback__)
    raised_by = frames[-1].line if frames else None
    return any(_OF_A_DEVICE.search(text) for text in (str(error), raised_by or ""))


def traceback_of(error: BaseException) -> str:
    """The traceback of what a component raised, from where it was called on: the rest is of no use to its author.

    Of a `ContractError`, its message alone.
    """
    if isinstance(error, ContractError):
        return str(error)
    shown = traceback.TracebackException(type(error), error, error.__traceback__)
    shown.stack = traceback.StackSummary.from_list(shown.stack[1:])
    return "".join(shown.format()).rstrip()
