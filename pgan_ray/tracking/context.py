"""What the sweep's, configurations' and generators' runs share: the directory, the runs, and times.

Times that are replayed come from the training curves' rows, so that a repetition writes nothing new.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from pgan_ray.results import Directory
from pgan_ray.spec import Configuration
from pgan_ray.tracking import description
from pgan_ray.tracking.curves import SCALES, step_scale
from pgan_ray.tracking.runs import KnownRun, Runs

TrainingRows = Sequence[Mapping[str, Any]]


class Context:
    """One sweep as its tracker sees it. Opens the runs of all three levels, each below the one above it."""

    def __init__(self, directory: Directory, runs: Runs, *, live: bool) -> None:
        """``live``: the sweep is running now, so that what ends now ends at this time."""
        self.directory, self.store, self.record = directory, directory.store, directory.record
        record, self.runs, self.live = directory.record, runs, live
        self.configurations = {configuration.id: configuration for configuration in record.sweep.configurations}
        self.scale = step_scale(record.sweep)
        self.logged: dict[str, set[int]] = {}  # generator's key -> iterations that MLflow has
        self._spans: dict[
            tuple[str, int], tuple[int, int] | None
        ] = {}  # times of the stored curves' first and last row

    def key(self, configuration: str | None = None, replicate: int | None = None) -> str:
        """The key of a run: the sweep's, a configuration's or a generator's."""
        parts = [self.record.id, configuration, None if replicate is None else f"r{replicate}"]
        return "/".join(part for part in parts if part is not None)

    def name(self, configuration: str, replicate: int | None = None) -> str:
        """What a run below the sweep's is called: ``alpha=0.1 [ab12 mnist_alpha-quick]``.

        The legends of MLflow 3.17's charts show some 17 characters of it. What tells the runs of one sweep apart comes
        first, for they are looked at most; then the end of the sweep's id, for those of two sweeps.
        """
        sweep = self.record.sweep
        which = f"{self.record.id.rpartition('-')[2]} {sweep.name}-{sweep.profile}"
        own = self.key(configuration, replicate).removeprefix(f"{self.key()}/")
        return f"{sweep.in_words(own)} [{which}]"

    def sweep(self, start_ms: int | None = None, *, reopen: bool = False) -> KnownRun:
        """The parent run."""
        start = description.started_ms(self.record) or start_ms or self.now()
        return self.runs.open(self.key(), self.record.id, None, start, reopen=reopen)

    def configuration(self, id_: str, start_ms: int | None = None, *, reopen: bool = False) -> KnownRun:
        """The run of one configuration, with its settings."""
        above = self.sweep(start_ms, reopen=reopen)
        run = self.runs.open(self.key(id_), self.name(id_), self.key(), start_ms or above.start_ms, reopen=reopen)
        if not run.params:
            self.describe(run, self.configurations[id_])
        return run

    def generator(self, id_: str, replicate: int, start_ms: int | None = None, *, reopen: bool = False) -> KnownRun:
        """The run of one generator, with the settings that it depends on."""
        above = self.configuration(id_, start_ms, reopen=reopen)
        run = self.runs.open(
            self.key(id_, replicate),
            self.name(id_, replicate),
            self.key(id_),
            start_ms or above.start_ms,
            reopen=reopen,
        )
        if not run.params:
            self.runs.describe(
                run, description.generator_params(self.record.sweep, self.configurations[id_], replicate), {}
            )
        return run

    def describe(self, run: KnownRun, configuration: Configuration) -> None:
        """Write the configuration's settings, and how to read its curves."""
        tags = {**description.sweep_tags(self.record), "pgan.step": SCALES[self.scale]}
        if configuration.trial is not None:
            tags["pgan.trial"] = " ".join(map(str, configuration.trial))
        if not configuration.is_result:
            tags["pgan.judged_on"] = "validation"
        if len(configuration.variants) > 1:
            tags["pgan.variant"] = configuration.variants[0].id
        self.runs.describe(run, description.configuration_params(configuration), tags)

    def training_rows(self, configuration: str, replicate: int) -> TrainingRows:
        """The stored training curve of a finished generator, as far as it can be read."""
        table = self.directory.training(configuration, replicate)
        rows: TrainingRows = [] if table is None else table.to_pylist()
        span = (int(rows[0]["timestamp_ms"]), int(rows[-1]["timestamp_ms"])) if rows else None
        self._spans[configuration, replicate] = span
        return rows

    def trained(self, configuration: str) -> tuple[int, int] | None:
        """The times in ms of the first and the last row of its finished generators' training curves."""
        spans = []
        for replicate in range(self.configurations[configuration].settings.attack.replicates):
            place = (configuration, replicate)
            if place not in self._spans and self.directory.generator(*place) is not None:
                self.training_rows(*place)
            spans.append(self._spans.get(place))
        known = [span for span in spans if span is not None]
        return (min(first for first, _ in known), max(last for _, last in known)) if known else None

    def now(self, configuration: str | None = None) -> int:
        """This moment in ms; when replayed, that of the last training row (of one configuration or all)."""
        if not self.live:
            chosen = self.configurations if configuration is None else [configuration]
            ends = [span[1] for span in map(self.trained, chosen) if span is not None]
            if ends:
                return max(ends)
        return time.time_ns() // 1_000_000
