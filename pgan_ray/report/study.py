"""A sweep's directory, read once: what was planned, what is there, and the numbers by curve.

Shapes: P poisoning points, N genuine points.
"""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pgan_ray.report.series import Axis, Series, series_of
from pgan_ray.results import (
    VICTIMS,
    Estimate,
    GeneratorRecord,
    Point,
    Store,
    estimate,
    read_poison,
    read_record,
    read_rows,
    read_sweep,
    summarise,
)
from pgan_ray.spec import SweepRecord

GENUINE = "genuine.parquet"
Points = npt.NDArray[np.float64]
Values = dict[tuple[int, int], float]  # (replicate, run) -> value


@dataclass
class Study:
    """All that a report is made of. ``summary`` is empty where none was written."""

    store: Store
    record: SweepRecord
    rows: pa.Table
    summary: dict[str, Any]
    generators: dict[tuple[str, int], GeneratorRecord]
    axes: list[Axis] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)

    @cached_property
    def cells(self) -> list[dict[str, Any]]:
        """The rows."""
        return self.rows.to_pylist()  # type: ignore[no-any-return]

    @cached_property
    def points(self) -> dict[tuple[str, str], dict[float, Point]]:
        """By series and poison fraction."""
        found: dict[tuple[str, str], dict[float, Point]] = defaultdict(dict)
        for point in summarise(self.rows):
            found[point.configuration, point.variant][point.poison_fraction] = point
        return found

    def curve(self, series: Series, rate: str) -> dict[float, Estimate]:
        """One rate of one series by poison fraction, rising; without the points that have no value."""
        points = self.points.get(series.key, {})
        return {f: points[f].rates[rate] for f in sorted(points) if rate in points[f].rates}

    @cached_property
    def _by_point(self) -> dict[tuple[str, str, float], list[dict[str, Any]]]:
        found: dict[tuple[str, str, float], list[dict[str, Any]]] = defaultdict(list)
        for row in self.cells:
            if row["outcome"] == "complete":
                found[row["configuration"], row["variant"], row["poison_fraction"]].append(row)
        return found

    def cells_at(self, series: Series, fraction: float) -> list[dict[str, Any]]:
        """The complete rows of one point of a curve."""
        return self._by_point.get((*series.key, fraction), [])

    def values(self, series: Series, fraction: float, rate: str) -> Values:
        """One number of each cell of a point; ``source_recall``: the share of the source class that is recognised."""
        if rate in ("poison_distance", "poison_shift"):
            places = self.placements.get(series.configuration, {})
            return {(replicate, 0): place[rate] for replicate, place in places.items()}
        if rate == "source_recall":
            index = series.settings.task.classes.index(series.settings.task.source_class)
            found = {
                (row["replicate"], row["run"]): _recall(row["confusion"], index)
                for row in self.cells_at(series, fraction)
            }
        else:
            found = {(row["replicate"], row["run"]): row[rate] for row in self.cells_at(series, fraction)}
        return {key: value for key, value in found.items() if value is not None}

    def mean(self, series: Series, fraction: float, rate: str) -> Estimate | None:
        """The estimate of what `values` gives."""
        by_replicate: dict[int, list[float]] = defaultdict(list)
        for (replicate, _), value in self.values(series, fraction, rate).items():
            by_replicate[replicate].append(value)
        return estimate(by_replicate.values()) if by_replicate else None

    def poison(self, configuration: str) -> dict[int, Points]:
        """The poison sets in the plane, (P, 2), by replicate."""
        found = {}
        for (name, replicate), record in self.generators.items():
            if name != configuration or record.outcome != "complete" or record.image_shape is not None:
                continue
            try:
                points = read_poison(self.store, name, replicate)
            except OSError:  # a directory copied in part
                continue
            if points.ndim == 2 and points.shape[1] == 2 and len(points) and np.isfinite(points).all():
                found[replicate] = points.astype(np.float64)
        return found

    @cached_property
    def plane(self) -> dict[str, dict[int, Points]]:
        """`poison` of every configuration that has any."""
        found = {c.id: self.poison(c.id) for c in self.record.sweep.configurations}
        return {name: sets for name, sets in found.items() if sets}

    @cached_property
    def genuine(self) -> dict[int, Points]:
        """Genuine points in the plane by class label, (N, 2); empty where the sweep has none."""
        try:
            table = self.store.read_table(GENUINE)
        except OSError:
            return {}
        if not {"x", "y", "label"} <= set(table.column_names):
            return {}
        xy = np.column_stack([table["x"].to_numpy(), table["y"].to_numpy()]).astype(np.float64)
        labels = table["label"].to_numpy()
        return {int(label): xy[labels == label] for label in np.unique(labels)}

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
        there = {row["cell_id"] for row in self.cells}
        counts: dict[str, int] = {}
        for configuration in self.record.sweep.configurations:
            replicates = range(configuration.settings.attack.replicates)
            absent = sum(cell.id not in there for r in replicates for cell in configuration.cells(r))
            if absent:
                counts[configuration.id] = absent
        return counts


def load_study(store: Store) -> Study:
    """Read the sweep in ``store``. Raises `SpecError` where there is none."""
    record = read_sweep(store)
    axes, series = series_of(record.sweep)
    return Study(store, record, _whole(read_rows(store)), _summary(store), _generators(store, record), axes, series)


def _whole(rows: pa.Table) -> pa.Table:
    """``rows`` with the columns that rows of an earlier version lack, as nulls."""
    for column in VICTIMS:
        if column.name not in rows.column_names:
            rows = rows.append_column(column, pa.nulls(rows.num_rows, column.type))
    return rows


def _summary(store: Store) -> dict[str, Any]:
    try:
        content = json.loads(store.read("summary.json"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _generators(store: Store, record: SweepRecord) -> dict[tuple[str, int], GeneratorRecord]:
    found = {}
    for configuration in record.sweep.configurations:
        if not configuration.settings.attack.is_trained:
            continue
        for replicate in range(configuration.settings.attack.replicates):
            generator = read_record(store, configuration.id, replicate)
            if generator is not None:
                found[configuration.id, replicate] = generator
    return found


def _recall(confusion: list[list[int]] | None, index: int) -> float | None:
    if confusion is None or not sum(confusion[index]):
        return None
    return confusion[index][index] / sum(confusion[index])
