"""What can go wrong, by whose mistake it is. The command line alone turns these into exit codes."""

import sys
import traceback


class PganRayError(Exception):
    """Root of all errors that pgan-ray raises on purpose."""


class SpecError(PganRayError):
    """The sweep file, or an option given with it, does not hold what it must.

    Carries every fault that was found, one line each: ``file:key[index]: what must hold, got value``.
    """

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class DataError(PganRayError):
    """A data set is missing, damaged, or not what its name says; the message names the ways out."""


class TrackingError(PganRayError):
    """The MLflow tracking server or store cannot be used."""


class ClusterError(PganRayError):
    """The Ray cluster does not answer, or cannot run a sweep as it is."""


class DeviceError(PganRayError):
    """A GPU that was granted cannot be computed on; the message names the reason."""


def is_of_the_machine(error: BaseException) -> bool:
    """Whether memory or a GPU failed, and not the code in which it was noticed."""
    torch = sys.modules.get("torch")  # without it, no error is torch's
    # After an error of the accelerator nothing works in this process any more, whoever tries.
    kinds = () if torch is None else (torch.OutOfMemoryError, torch.AcceleratorError)
    return isinstance(error, (MemoryError, *kinds))


def traceback_of(error: BaseException) -> str:
    """The traceback of what a component raised, from where it was called on: the rest is of no use to its author."""
    shown = traceback.TracebackException(type(error), error, error.__traceback__)
    shown.stack = traceback.StackSummary.from_list(shown.stack[1:])
    return "".join(shown.format()).rstrip()
