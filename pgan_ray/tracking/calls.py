"""The calls of `Tracker` as events, one place for all that handle them."""

from pgan_ray.tracking.events import (
    ConfigurationFinished,
    Event,
    GeneratorFinished,
    Outcome,
    Rows,
    SweepFinished,
    SweepStarted,
    Training,
)


class EventCalls:
    """Turns each event call of `Tracker` into one `put`."""

    def put(self, event: Event) -> None:
        """Take one event."""
        raise NotImplementedError

    def sweep_started(self) -> None:
        """As `Tracker.sweep_started`."""
        self.put(SweepStarted())

    def training(self, configuration: str, replicate: int, rows: Rows) -> None:
        """As `Tracker.training`."""
        self.put(Training(configuration, replicate, tuple(rows)))

    def generator_finished(self, configuration: str, replicate: int) -> None:
        """As `Tracker.generator_finished`."""
        self.put(GeneratorFinished(configuration, replicate))

    def configuration_finished(self, configuration: str) -> None:
        """As `Tracker.configuration_finished`."""
        self.put(ConfigurationFinished(configuration))

    def sweep_finished(self, outcome: Outcome) -> None:
        """As `Tracker.sweep_finished`."""
        self.put(SweepFinished(outcome))
