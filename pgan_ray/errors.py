"""What can go wrong, by whose mistake it is. The command line alone turns these into exit codes."""


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
