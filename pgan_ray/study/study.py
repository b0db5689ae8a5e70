"""A sweep's directory, read once: what was planned, what is there, and the numbers by curve.

Shapes: P poisoning points, N genuine points.
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from pgan_ray.results import (
    RATES,
    ByDefence,
    Change,
    Directory,
    Estimate,
    GeneratorRecord,
    PackedTables,
    Point,
    Store,
    Tally,
    read_sweep,
)
from pgan_ray.spec import Sweep, SweepRecord
from pgan_ray.study.series import Axis, Series, series_of

COLUMNS = (
    *("cell_id", "configuration", "variant", "poison_fraction", "replicate", "run", "outcome"),
    *(*RATES, "confusion", "boundary"),
)
"""The columns of the rows that are kept."""
Points = npt.NDArray[np.float64]
Values = dict[tuple[int, int], float]  # (replicate, run) -> value


@dataclass
class Study:
    """All that a report is made of. ``summary`` is empty where none was written; its tables may be missing.

    ``rows``: `COLUMNS` by configuration. ``seconds``: they took.
    ``files``: where else it reads from, and what could not be read. ``series``: of attacks, which are compared with
    ``controls``; of a sweep without any attack, its controls.
    """

    files: Directory
    record: SweepRecord
    rows: PackedTables
    tally: Tally
    seconds: float
    summary: dict[str, Any]
    generators: dict[tuple[str, int], GeneratorRecord]
    axes: list[Axis] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    controls: list[Series] = field(default_factory=list)

    @cached_property
    def points(self) -> dict[tuple[str, str], dict[float, Point]]:
        """By series and poison fraction."""
        found: dict[tuple[str, str], dict[float, Point]] = defaultdict(dict)
        for point in self.tally.points:
            found[point.configuration, point.variant][point.poison_fraction] = point
        return found

    @property
    def every_series(self) -> list[Series]:
        """The attacks' and the controls'."""
        return [*self.series, *self.controls]

    @cached_property
    def shown(self) -> Sweep:
        """What the figures and tables are about: of a search the trials that were evaluated afresh, once chosen."""
        return results_alone(self.record.sweep)

    @cached_property
    def changes(self) -> list[Change]:
        """How much more the victims of the attacks err than those of the controls."""
        return self.tally.changes(self.shown)

    @cached_property
    def by_defence(self) -> list[ByDefence]:
        """What the worst attack does behind each defence, of a grid that has several."""
        return self.tally.by_defence(self.record.sweep)

    @cached_property
    def _datasets(self) -> dict[str, Any]:
        return self.files.datasets()

    def data_digest(self, series: Series) -> str:
        """SHA-256 of the points of ``series``, in hex; empty where the directory does not say."""
        try:
            found = self._datasets[series.settings.dataset_key]["digest"]
        except (LookupError, ValueError, TypeError, AttributeError, RecursionError):  # it may be a stranger's
            return ""
        return found if isinstance(found, str) else ""

    def controls_of(self, series: Series) -> list[Series]:
        """Those with the same setting and evaluation."""
        return [one for one in self.controls if (one.setting, one.variant) == (series.setting, series.variant)]

    def curve(self, series: Series, rate: str) -> dict[float, Estimate]:
        """One rate of one series by poison fraction, rising; without the points that have no value."""
        points = self.points.get(series.key, {})
        return {f: points[f].rates[rate] for f in sorted(points) if rate in points[f].rates}

    def cells_at(self, series: Series, fraction: float, *columns: str) -> list[dict[str, Any]]:
        """The complete rows of one point of a curve: replicate, run and ``columns`` of each."""
        rows = self.rows.get(series.configuration)
        if rows is None:
            return []
        here = pc.and_(pc.equal(rows["variant"], series.variant), pc.equal(rows["poison_fraction"], fraction))
        here = pc.and_(here, pc.equal(rows["outcome"], "complete"))
        return rows.select(["replicate", "run", *columns]).filter(here).to_pylist()  # type: ignore[no-any-return]

    def unscored(self) -> Iterator[dict[str, str]]:
        """Cell id, configuration and outcome of every row that is not complete."""
        for configuration in self.rows:
            if set(self.tally.outcomes_of([configuration])) == {"complete"}:
                continue
            rows = self.rows[configuration]
            odd = rows.filter(pc.not_equal(rows["outcome"], "complete"))
            yield from odd.select(["cell_id", "configuration", "outcome"]).to_pylist()

    def values(self, series: Series, fraction: float, rate: str) -> Values:
        """One number of each cell of a point; ``source_recall``: the share of the source class that is recognised."""
        if rate in ("poison_distance", "poison_shift"):
            places = self.placements.get(series.configuration, {})
            return {(replicate, 0): place[rate] for replicate, place in places.items()}
        column = "confusion" if rate == "source_recall" else rate
        found = {(row["replicate"], row["run"]): row[column] for row in self.cells_at(series, fraction, column)}
        if rate == "source_recall":
            index = series.settings.task.labels.index(series.settings.task.source_class)
            found = {key: _recall(matrix, index) for key, matrix in found.items()}
        return {key: value for key, value in found.items() if value is not None}

    @cached_property
    def plane(self) -> dict[str, dict[int, Points]]:
        """The poison sets in the plane, (P, 2), by configuration and replicate."""
        found: dict[str, dict[int, Points]] = defaultdict(dict)
        shown = {configuration.id for configuration in self.shown.configurations}
        for (name, replicate), record in self.generators.items():
            if name not in shown or record.outcome != "complete" or record.image_shape is not None:
                continue
            points = self.files.poison(name, replicate)
            if points is None:
                continue
            if points.ndim == 2 and points.shape[1] == 2 and len(points) and np.isfinite(points).all():
                found[name][replicate] = points.astype(np.float64)
        return dict(found)

    @cached_property
    def genuine(self) -> dict[int, Points]:
        """Genuine points in the plane by class label, (N, 2); empty where the sweep has none."""
        return self.files.genuine()

    @cached_property
    def placements(self) -> dict[str, dict[int, dict[str, float]]]:
        """Where each generator's poison lies among the genuine points of the plane.

        ``poison_distance``: from the mean poison point to the mean genuine point of the poison class, in standard
        deviations of that class. ``poison_shift``: the same vector's share of the way to the source class's mean.
        """
        if not self.series or not self.genuine:
            return {}
        task = self.series[0].settings.task
        if not {task.poison_class, task.source_class} <= set(self.genuine):
            return {}
        target, source = self.genuine[task.poison_class], self.genuine[task.source_class]
        way = source.mean(0) - target.mean(0)
        spread = float(np.sqrt(target.var(0).mean()))
        length = float(way @ way)
        if not spread or not length:
            return {}
        found: dict[str, dict[int, dict[str, float]]] = {}
        for name, sets in self.plane.items():
            steps = {replicate: points.mean(0) - target.mean(0) for replicate, points in sets.items()}
            found[name] = {
                replicate: {
                    "poison_distance": float(np.linalg.norm(step)) / spread,
                    "poison_shift": float(step @ way) / length,
                }
                for replicate, step in steps.items()
            }
        return found

    @cached_property
    def missing(self) -> dict[str, int]:
        """Planned cells without a row, by configuration."""
        # What has a row is planned, and has one row.
        absent = {
            one.id: one.cell_count - self.tally.outcomes_of([one.id]).total() for one in self.shown.configurations
        }
        return {name: count for name, count in absent.items() if count}


def results_alone(sweep: Sweep) -> Sweep:
    """``sweep`` without a search's trials, and without places for results of which nobody knows yet what they are."""
    if sweep.search is None:
        return sweep
    known = tuple(one for one in sweep.configurations if one.is_result and (one.trial is not None or one.is_control))
    return replace(sweep, configurations=known)


def load_study(store: Store) -> Study:
    """Read the sweep in ``store``. Raises `SpecError` where there is none."""
    record = read_sweep(store)
    files = Directory(store, record)
    shown = results_alone(record.sweep)
    axes, every = series_of(shown)
    attacks = [one for one in every if not one.is_control]
    series, controls = (attacks, [one for one in every if one.is_control]) if attacks else (every, [])
    kept, tally, seconds = PackedTables(), Tally(), list[float]()
    for configuration, rows in files.tables():
        tally.add(configuration, rows)
        seconds.append(math.fsum(rows["seconds"].to_pylist()))
        if configuration in shown.result_ids:
            kept[configuration] = rows.select(COLUMNS)
    found = (kept, tally, math.fsum(seconds), files.summary_head(), files.generators())
    return Study(files, record, *found, axes, series, controls)


def _recall(confusion: list[list[int]] | None, index: int) -> float | None:
    if confusion is None or not sum(confusion[index]):
        return None
    return confusion[index][index] / sum(confusion[index])
