"""Brings one event at a time of a running sweep to MLflow, from its directory. Doing so twice changes nothing."""

from pgan_ray.results import Directory
from pgan_ray.tracking import configuration_run, generator_run, sweep_run
from pgan_ray.tracking.connection import Connection, connect
from pgan_ray.tracking.context import Context
from pgan_ray.tracking.course import Course
from pgan_ray.tracking.events import (
    ConfigurationFinished,
    Event,
    GeneratorFinished,
    ReportWritten,
    SweepExtended,
    SweepFinished,
    SweepStarted,
    Training,
)
from pgan_ray.tracking.runs import Runs


class Publisher:
    """The sweep in MLflow. One thread at a time."""

    def __init__(self, directory: Directory, uri: str, experiment: str) -> None:
        self.directory = directory
        self._uri, self._experiment = uri, experiment
        self._connection: Connection | None = None
        self._context: Context | None = None
        self._course = Course()

    def connect(self) -> Connection:
        """Connect, if that was not done yet. Raises `TrackingError`."""
        if self._connection is None:
            self._connection = connect(self._uri, self._experiment)
        return self._connection

    def reachable(self) -> bool:
        """Whether MLflow answers now."""
        try:
            connection = self.connect()
            connection.client.get_experiment(connection.experiment_id)
        except Exception:
            return False
        return True

    def publish(self, event: Event) -> None:
        """Deliver one event."""
        try:
            self._publish(self._current(), event)
        except BaseException:
            # What was believed of the runs may be wrong now: the next attempt asks again.
            self._context, self._course = None, Course()
            raise

    def finish(self) -> None:
        """Leave no run running: those that no event ended were cut short."""
        if self._context is not None or self._connection is not None:
            sweep_run.end_open(self._current(), "KILLED")

    def _current(self) -> Context:
        if self._context is None:
            runs = Runs(self.connect(), self.directory.record.id)
            self._context = Context(self.directory, runs, live=True)
        return self._context

    def _publish(self, context: Context, event: Event) -> None:
        match event:
            case SweepStarted():
                sweep_run.start(context)
            case SweepExtended(sweep):
                record = self.directory.record.knowing(sweep)
                self.directory = Directory(self.directory.store, record, strict=True)
                self._context = None
                self._course.log(self._current())
            case Training(configuration, replicate, rows):
                generator_run.train(context, configuration, replicate, rows)
            case GeneratorFinished(configuration, replicate):
                generator_run.finish(context, configuration, replicate)
            case ConfigurationFinished(configuration):
                configuration_run.finish(context, configuration, self.directory.rows(configuration))
            case SweepFinished(outcome):
                sweep_run.finish(context, outcome, self._course)
            case ReportWritten():
                sweep_run.log_report(context)
