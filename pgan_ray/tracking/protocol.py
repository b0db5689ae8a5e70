"""The small interface that the sweep's driver calls."""

from abc import ABC, abstractmethod

from pgan_ray.results import Outcome
from pgan_ray.spec import Sweep
from pgan_ray.tracking.events import (
    ConfigurationFinished,
    Event,
    GeneratorFinished,
    ReportWritten,
    Rows,
    SweepExtended,
    SweepFinished,
    SweepStarted,
    Training,
)


class Tracker(ABC):
    """Where a sweep's course is told. Events return at once, never raise, and may come from any thread.

    Every event may come twice. All but `training` name something that is in the sweep's directory by then.
    """

    @abstractmethod
    def check(self) -> None:
        """Connect. Raises `TrackingError` where that fails. To be called once, before the sweep starts."""

    @abstractmethod
    def put(self, event: Event) -> None:
        """Take one event."""

    @abstractmethod
    def close(self, timeout_s: float) -> int:
        """Deliver what is waiting, for ``timeout_s`` at most. Returns how many events were not delivered."""

    def sweep_started(self) -> None:
        """The sweep starts, or goes on after an interruption."""
        self.put(SweepStarted())

    def sweep_extended(self, sweep: Sweep) -> None:
        """A search asked for more trials, which ``sweep`` has; their files are in the directory."""
        self.put(SweepExtended(sweep))

    def training(self, configuration: str, replicate: int, rows: Rows) -> None:
        """Live rows of `pgan_ray.results.TRAINING` of one replicate."""
        self.put(Training(configuration, replicate, tuple(rows)))

    def generator_finished(self, configuration: str, replicate: int) -> None:
        """The replicate's record is in the directory."""
        self.put(GeneratorFinished(configuration, replicate))

    def configuration_finished(self, configuration: str) -> None:
        """All rows of the configuration are in the directory."""
        self.put(ConfigurationFinished(configuration))

    def sweep_finished(self, outcome: Outcome) -> None:
        """No more results come."""
        self.put(SweepFinished(outcome))

    def report_written(self) -> None:
        """The report is in the directory."""
        self.put(ReportWritten())
