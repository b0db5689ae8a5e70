"""Brings one event at a time to MLflow, from the sweep's directory. Doing so twice changes nothing.

An event that fails leaves no trace here: the next attempt asks MLflow anew which runs there are.
"""

import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pgan_ray.results import Store, read_rows, summarise
from pgan_ray.spec import Configuration, SweepRecord
from pgan_ray.tracking import description, generator_run, sweep_run
from pgan_ray.tracking.connection import Connection, connect
from pgan_ray.tracking.curves import SCALES, step_scale, victim_metrics
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
from pgan_ray.tracking.runs import KnownRun, Runs

STATUS: dict[Outcome, str] = {
    "complete": "FINISHED",
    "partial": "FAILED",
    "interrupted": "KILLED",
    "failed": "FAILED",
}


class Publisher:
    """The sweep's runs in MLflow. Not thread-safe: one thread at a time."""

    def __init__(self, store: Store, record: SweepRecord, uri: str, experiment: str, *, live: bool) -> None:
        """``live``: the sweep is running now; else times come from the training curves."""
        self.store, self.record, self.live = store, record, live
        self._uri, self._experiment = uri, experiment
        self._configurations = {c.id: c for c in record.sweep.configurations}
        self._scale = step_scale(record.sweep)
        self._connection: Connection | None = None
        self._runs: Runs | None = None
        self._logged: dict[tuple[str, int], set[int]] = {}  # iterations, of generators in training
        self._finished: set[tuple[str, int]] = set()
        self._first_ms: int | None = None  # of all training rows seen
        self._last_ms: dict[str, int] = {}  # configuration -> time of its generators' last training row

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
            self._publish(event)
        except BaseException:
            self._runs = None
            self._logged.clear()
            raise

    def _publish(self, event: Event) -> None:
        match event:
            case SweepStarted():
                sweep_run.start(self.store, self.runs, self._sweep(reopen=True), self.record)
            case Training(configuration, replicate, rows):
                if rows and (configuration, replicate) not in self._finished:
                    self._see(configuration, rows)
                    run = self._generator(configuration, replicate, reopen=True)
                    generator_run.log_rows(self.runs, run, rows, self._logged_iterations(run, configuration, replicate))
            case GeneratorFinished(configuration, replicate):
                self._finish_generator(configuration, replicate)
            case ConfigurationFinished(configuration):
                self._finish_configuration(self._configurations[configuration], read_rows(self.store, configuration))
            case SweepFinished(outcome):
                self._finish_sweep(outcome)

    @property
    def runs(self) -> Runs:
        """The sweep's runs."""
        if self._runs is None:
            self._runs = Runs(self.connect(), self.record.id)
        return self._runs

    def see(self, configuration: str, replicate: int) -> None:
        """Learn the times of a stored training curve."""
        self._see(configuration, generator_run.training_rows(self.store, configuration, replicate))

    def _see(self, configuration: str, rows: Rows) -> None:
        if rows:
            first, last = int(rows[0]["timestamp_ms"]), int(rows[-1]["timestamp_ms"])
            self._first_ms = min(first, self._first_ms or first)
            self._last_ms[configuration] = max(last, self._last_ms.get(configuration, 0))

    def end_open_runs(self, status: str = "KILLED") -> None:
        """End every run that is still running."""
        for key in sorted(self.runs.running(), reverse=True):  # the children first
            self.runs.end(key, status, self._now())

    def _now(self) -> int:
        if self.live or not self._last_ms:
            return time.time_ns() // 1_000_000
        return max(self._last_ms.values())

    def _sweep(self, *, reopen: bool = False) -> KnownRun:
        started = description.started_ms(self.record) or (None if self.live else self._first_ms) or self._now()
        return self.runs.open(self.record.id, self.record.id, None, started, reopen=reopen)

    def _configuration(self, configuration: Configuration, *, reopen: bool = False) -> KnownRun:
        key = f"{self.record.id}/{configuration.id}"
        known = self.runs.find(key)
        sweep = self._sweep(reopen=reopen)
        run = self.runs.open(key, configuration.id, self.record.id, self._first_ms or sweep.start_ms, reopen=reopen)
        if known is None or not run.params:
            self._describe(run, configuration)
        return run

    def _describe(self, run: KnownRun, configuration: Configuration) -> None:
        tags = {**description.sweep_tags(self.record), "pgan.step": SCALES[self._scale]}
        if len(configuration.variants) > 1:
            tags["pgan.variant"] = configuration.variants[0].id
        self.runs.describe(run, description.configuration_params(configuration), tags)

    def _generator(self, configuration: str, replicate: int, *, reopen: bool = False) -> KnownRun:
        parent = self._configurations[configuration]
        above = self._configuration(parent, reopen=reopen)
        name = f"{configuration}/r{replicate}"
        start_ms = self._first_ms or above.start_ms
        run = self.runs.open(
            f"{self.record.id}/{name}", name, f"{self.record.id}/{configuration}", start_ms, reopen=reopen
        )
        if not run.params:
            self.runs.describe(run, description.generator_params(parent, replicate), {})
        return run

    def _logged_iterations(self, run: KnownRun, configuration: str, replicate: int) -> set[int]:
        key = (configuration, replicate)
        if key not in self._logged:
            self._logged[key] = generator_run.logged_iterations(self.runs, run)
        return self._logged[key]

    def _finish_generator(self, configuration: str, replicate: int) -> None:
        record = generator_run.finished_record(self.store, configuration, replicate)
        rows = generator_run.training_rows(self.store, configuration, replicate)
        self._see(configuration, rows)
        run = self._generator(configuration, replicate)
        key = f"{self.record.id}/{configuration}/r{replicate}"
        generator_run.log_rows(self.runs, run, rows, self._logged_iterations(run, configuration, replicate))
        generator_run.log_artifacts(self.store, self.runs, run, key, record, rows)
        self.runs.describe(run, {}, generator_run.tags_of(record))
        end_ms = int(rows[-1]["timestamp_ms"]) if rows else self._now()
        self.runs.end(key, "FINISHED" if record.outcome == "complete" else "FAILED", end_ms)
        self._logged.pop((configuration, replicate), None)
        self._finished.add((configuration, replicate))

    def _finish_configuration(self, configuration: Configuration, rows: pa.Table, status: str | None = None) -> None:
        key = f"{self.record.id}/{configuration.id}"
        run = self._configuration(configuration)
        points = summarise(rows)
        # The curves' time is that of the last training row: the same, whenever they are brought.
        for replicate in range(configuration.settings.attack.replicates):
            if (configuration.id, replicate) not in self._finished:
                self._see_if_stored(configuration.id, replicate)
        time_ms = self._last_ms.get(configuration.id, run.start_ms)
        metrics = victim_metrics(configuration, points, rows, self._scale, time_ms)
        current = {(step, value) for name, value, _, step in metrics if name == "victim/test_error"}
        if set(self.runs.measured(run, "victim/test_error")) - current:
            # More rows came since: MLflow would draw the old means beside the new ones, and cannot drop them.
            run = self.runs.replace(key, configuration.id, self.record.id)
            self._describe(run, configuration)
        self.runs.measure(run, metrics)
        for replicate in sorted(set(rows["replicate"].to_pylist())):
            generator = self.runs.find(f"{key}/r{replicate}")
            if generator is not None:
                own = rows.filter(pc.equal(rows["replicate"], replicate))
                sweep_run.log_table(self.runs, generator, own, "victims.parquet")
        self.runs.end(key, status or ("FINISHED" if points else "FAILED"), self._last_ms.get(configuration.id, 0))

    def _finish_sweep(self, outcome: Outcome) -> None: ...
