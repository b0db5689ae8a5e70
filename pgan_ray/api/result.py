"""What a sweep left in its directory, as tables, arrays and a summary."""

import html
import json
import operator
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pgan_ray.data import Scale
from pgan_ray.errors import DataError, SpecError
from pgan_ray.results import (
    DATA_FILE,
    ByDefence,
    Change,
    Directory,
    Estimate,
    Point,
    Probe,
    Ranked,
    Store,
    Tally,
    contenders,
    estimate_text,
    health,
    mean_metrics,
    ranking,
    read_trials,
    redact,
    result_points,
    rule_for,
)
from pgan_ray.runner import SweepOutcome
from pgan_ray.search import Confirmation, confirmations
from pgan_ray.spec import Configuration, SweepRecord
from pgan_ray.text import printable

COLUMNS = (
    ("poison", None),
    ("error", "test_error"),
    ("source as poison class", "false_positive_rate"),
    ("reverse", "false_negative_rate"),
    ("rejected genuine", "rejected_genuine"),
    ("rejected poison", "rejected_poison"),
    ("by both tails", "rejected_poison_both"),
)


class SweepResult:
    """A sweep's results, read from its directory when they are needed.

    ``run``: how the run in this process ended; None if the directory was only opened. ``tracking_uri``: the MLflow
    store or server that this run was tracked in; empty if there is none.
    """

    def __init__(
        self,
        store: Store,
        record: SweepRecord,
        run: SweepOutcome | None = None,
        *,
        tracking_uri: str = "",
        has_report: bool = False,
        signal: int | None = None,
    ) -> None:
        self._store, self.record, self.run = store, record, run
        self._files = Directory(store, record)
        self._by_id = {configuration.id: configuration for configuration in record.sweep.configurations}
        self.tracking_uri = tracking_uri
        self._has_report, self.signal = has_report, signal
        self._rows: pa.Table | None = None

    @property
    def id(self) -> str:
        """The sweep's id."""
        return self.record.id

    @property
    def directory(self) -> str:
        """The sweep's directory: a path or URI."""
        return self._store.location

    @property
    def configurations(self) -> tuple[str, ...]:
        """The configurations' ids."""
        return tuple(self._by_id)

    @property
    def outcome(self) -> str:
        """``complete``, ``partial`` (some cells have no score), ``paused``, ``interrupted`` or ``failed``."""
        return self.run.outcome if self.run is not None else self._outcome(self._tally())

    def _outcome(self, tally: Tally) -> str:
        return self.run.outcome if self.run is not None else tally.outcome(self.record.sweep)

    def _tally(self) -> Tally:
        """Of the rows that there are now."""
        tally = Tally()
        for configuration, rows in self._files.tables():
            tally.add(configuration, rows)
        return tally

    def rows(self) -> pa.Table:
        """One row for each finished cell, as `pgan_ray.results.VICTIMS` describes them; ``.to_pandas()`` works."""
        if self._rows is None or self._rows.num_rows < self.record.sweep.cells:  # more may have come
            self._rows = self._files.rows()
        return self._rows

    def generators(self) -> pa.Table:
        """One row for each finished generator: configuration, replicate, outcome, iterations, seconds, device."""
        records = self._files.generators().values()
        found = [{name: getattr(record, name) for name in GENERATORS.names} for record in records]
        return pa.Table.from_pylist(found, schema=GENERATORS)

    @cached_property
    def points(self) -> list[Point]:
        """The points of every curve: means over replicates with their 95 % intervals."""
        return self.run.points if self.run is not None and self.run.points else self._tally().points

    @cached_property
    def changes(self) -> list[Change]:
        """For each point of each curve, how much higher the victims' error rates are than beside each control."""
        return (
            self.run.changes if self.run is not None and self.run.changes else self._tally().changes(self.record.sweep)
        )

    @cached_property
    def by_defence(self) -> list[ByDefence]:
        """For a grid of defences: what the worst attack does behind each, for each victim. Empty without one."""
        if self.run is not None and self.run.by_defence:
            return self.run.by_defence
        return self._tally().by_defence(self.record.sweep)

    def ranking(
        self,
        detection_budget: float | None = None,
        *,
        by: str | None = None,
        tails: str | None = None,
        poison_fraction: float | None = None,
    ) -> list[Ranked]:
        """The attacks, sorted by harm; those that the detectors hardly see come first.

        Args:
            detection_budget: by how much the rejected share of poison may exceed that of genuine points, a fraction.
                Default: for a search `search.detectability.at_most`, else 0.01.
            by: the harm: ``damage``, the share of the source class taken for the poison class, or ``error``, the test
                error, both beyond every control. Default: for a search `search.harm`, else ``damage``.
            tails: what counts as rejected: ``sweep``, what the sweep's detectors reject, or ``both``, what they would
                reject with both tails of their scores. Default: for a search its own, else ``sweep``.
            poison_fraction: the poison fraction to compare at. Default: the largest.

        In a search with several variants of the evaluation, such as detectors, the variant that sees most counts. In a
        sweep with several pipelines of defences, only variants without a defence count.

        Raises:
            SpecError: an argument is not valid, or there are no victims with that poison fraction.
        """
        rule = rule_for(self.record.sweep, detection_budget, by, tails)
        return ranking(contenders(self.record.sweep, self.changes), poison_fraction=poison_fraction, **rule)

    def trials(self) -> pa.Table:
        """One row for each trial of a search so far: its values, its state, and its scores if it has any.

        ``against``: in a search against each variant, the variant's id. ``probed_at``: the share of its training at
        which the trial was last judged early, if it was; the columns after it hold what was found there. Scores are on
        validation points and serve to choose trials; `confirmations` tells what the best trials do. Raises `SpecError`
        if the sweep is not a search.
        """
        search = self.record.sweep.search
        if search is None:
            raise SpecError([f"{self.id}: must be a search to have trials, got a grid"])
        found = []
        for (series, number), trial in read_trials(self._store, self.record).items():
            scores = {name: getattr(trial, name) for name in ("harm", "detectability")}
            row = {"series": series, "number": number, "against": search.against(series)}
            row |= {"state": trial.state, "message": trial.message}
            row |= {name: score and score.mean for name, score in scores.items()}
            row |= {f"{name}_half_width": score and score.half_width for name, score in scores.items()}
            probe = trial.probes[-1] if trial.probes else Probe(0.0)
            row["probed_at"] = probe.share if trial.probes else None
            row |= {f"probe_{name}": (score := getattr(probe, name)) and score.mean for name in scores}
            found.append(row | {f"values.{name}" if name in row else name: v for name, v in trial.values.items()})
        columns = {name: _column([row[name] for row in found]) for name in (found[0] if found else ())}
        return pa.table(columns)

    def confirmations(self) -> list[Confirmation]:
        """For the best trials of a search: their scores, and what a new evaluation found. Empty for a grid."""
        if self.record.sweep.search is None:
            return []
        return confirmations(self.record.sweep, read_trials(self._store, self.record), self.changes)

    def health(self) -> dict[str, str]:
        """Warnings, by configuration, that the last training metrics of its generators cast doubt on its results."""
        return health(self.record.sweep, mean_metrics(self._files.generators().values()))

    @property
    def summary(self) -> dict[str, Any]:
        """What ``summary.json`` holds; empty if the sweep has not ended yet."""
        if self.run is not None and self.run.summarised:
            return self.run.summary
        return self._files.summary()

    @property
    def left_out(self) -> Mapping[str, str]:
        """The files read so far that cannot be used, such as truncated ones, with the reason."""
        return dict(self._files.damaged)

    def poison(self, configuration: str, replicate: int = 0) -> np.ndarray:
        """The poison set of one generator, (P, F), in the data's original units (0 to 255 for images of bytes).

        Raises `SpecError` if there is no such generator or it has no poison set, `DataError` if the units are unknown.
        """
        try:
            replicate = operator.index(replicate)
        except TypeError:
            raise SpecError([f"replicate: must be a whole number, got {replicate!r}"]) from None
        found = self._configuration(configuration)
        configuration, called = found.id, self.record.sweep.called(found.id)
        if not found.settings.attack.is_trained:
            raise SpecError([f"{called}: must have generators, got an attack that trains none"])
        record = self._files.generator(configuration, replicate)
        if record is None or record.outcome != "complete":
            got = "none that is finished" if record is None else f"one that is {record.outcome}"
            raise SpecError([f"{called}/r{replicate}: must be a complete generator of {self.id}, got {got}"])
        poison = self._files.poison(configuration, replicate)
        if poison is None:
            name = f"generators/{configuration}/r{replicate}/poison.safetensors"
            reason = self._files.damaged.get(name, "is missing")
            raise SpecError([f"{redact(self._store.place(name))}: {reason}"])
        return self._in_own_units(found, poison)

    def report(self, directory: str | Path | None = None, *, beside: Sequence["SweepResult"] = ()) -> str:
        """Write the report to ``directory``, by default ``report`` in the sweep's directory; return where its page is.

        ``beside``: other sweeps, of the same data and classes, to compare with this one. The comparison is written to
        ``directory``, by default ``comparison`` in the working directory. Raises `SpecError` if the sweeps cannot be
        compared.
        """
        from pgan_ray.report import write_comparison, write_report  # matplotlib takes a while

        strange = [repr(one) for one in beside if not isinstance(one, SweepResult)]
        if strange:
            rule = "must be sweeps, each as `open_sweep` gives it"
            raise SpecError([f"beside: {rule}, got {printable(', '.join(strange))}"])
        if beside:
            target = Store(directory or "comparison")
            target.check(keeps_folder=False)
            return target.place(write_comparison([self._store, *(other._store for other in beside)], target)[0])
        target = self._store.below("report") if directory is None else Store(directory)
        if directory is None and self._has_report:
            return target.place("index.html")
        target.check(keeps_folder=False)
        names = write_report(self._store, target)
        self._has_report = directory is None
        return target.place(names[0])

    @property
    def has_report(self) -> bool:
        """Whether the report beside the results is that of this run."""
        return self._has_report

    def __repr__(self) -> str:
        tally = self._tally()
        left_out = f", {len(self.left_out)} files left out" if self.left_out else ""
        cells = f"{tally.cells} of {self.record.sweep.cells} cells"
        return f"<SweepResult {self.id}: {self._outcome(tally)}, {cells}{left_out}>"

    def _repr_html_(self) -> str:
        """The table of the largest poison fraction of each curve, for notebooks."""
        head = "".join(f"<th>{name}</th>" for name in ("configuration", *(name for name, _ in COLUMNS)))
        tally = self._tally()
        body = "".join(
            f"<tr>{self._html_row(point)}</tr>" for point in _largest(result_points(self.record.sweep, tally.points))
        )
        title = html.escape(f"{self.id}: {self._outcome(tally)}")
        caption = f"{title}; in %, mean ± 95 % interval over replicates, at the largest poison fraction"
        return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _html_row(self, point: Point) -> str:
        planned = self._configuration(point.configuration).settings.attack.replicates
        label = self.record.sweep.called(point.configuration, point.variant)
        cells = [f"{100 * point.poison_fraction:g}%"]
        cells += [_text(point.rates, rate, planned) for _, rate in COLUMNS if rate is not None]
        return "".join(f"<td>{html.escape(cell)}</td>" for cell in (label, *cells))

    def _configuration(self, configuration: str) -> Configuration:
        """By its id, or by what it is called."""
        if configuration in self._by_id:
            return self._by_id[configuration]
        called = {self.record.sweep.called(id_): found for id_, found in self._by_id.items()}
        if configuration in called:
            return called[configuration]
        offered = ", ".join(called)
        raise SpecError([f"configuration: must be one of {self.id}'s ({offered}), got {configuration!r}"])

    def _in_own_units(self, configuration: Configuration, points: np.ndarray) -> np.ndarray:
        settings = configuration.settings
        try:
            entry = json.loads(self._store.read(DATA_FILE))[settings.dataset_key]
            scale, value_range = entry.get("scale"), entry["value_range"]
            if scale is not None:
                offset, width = (np.asarray(scale[part], dtype=np.float64) for part in ("offset", "width"))
                return Scale(offset, width).unscaled(points)
            if value_range is None:
                return points
            low, high = map(float, value_range)
            return low + (points + 1) * ((high - low) / 2)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            place = redact(self._store.place(DATA_FILE))
            raise DataError(
                f"{place}: must say how the values of {settings.dataset_key} were scaled, got no valid entry"
            ) from None


GENERATORS = pa.schema(
    [
        ("configuration", pa.string()),
        ("replicate", pa.int32()),
        ("outcome", pa.string()),
        ("iterations", pa.int64()),
        ("seconds", pa.float64()),
        ("device", pa.string()),
        ("message", pa.string()),
    ]
)


def _column(values: list[Any]) -> pa.Array:
    """Numbers, truth values or texts as they are; a choice among different kinds of things as JSON."""
    kinds = {float if type(value) is int else type(value) for value in values if value is not None}
    if len(kinds) > 1 or not kinds <= {float, bool, str}:
        return pa.array([json.dumps(value) for value in values])
    return pa.array(values)


def _largest(points: list[Point]) -> list[Point]:
    """Of each curve the point of the largest poison fraction."""
    largest: dict[tuple[str, str], Point] = {}
    for point in points:
        key = (point.configuration, point.variant)
        if key not in largest or point.poison_fraction > largest[key].poison_fraction:
            largest[key] = point
    return list(largest.values())


def _text(rates: Mapping[str, Estimate], rate: str, planned: int) -> str:
    return estimate_text(rates.get(rate), planned)
