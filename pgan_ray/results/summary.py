"""Means over replicates with their intervals: the numbers that the table and MLflow show."""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pgan_ray.results.schema import RATES
from pgan_ray.spec import Sweep

POINT = ("configuration", "variant", "poison_fraction")
CHUNK = 1000  # groups that are Python's at a time


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over replicates and the half width of its 95 % interval (None with fewer than two replicates)."""

    mean: float
    half_width: float | None
    replicates: int
    cells: int

    @property
    def ends(self) -> tuple[float, float] | None:
        """Of the interval."""
        return None if self.half_width is None else (self.mean - self.half_width, self.mean + self.half_width)


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a configuration's curve: the estimates of every rate at one poison fraction."""

    configuration: str
    variant: str
    poison_fraction: float
    rates: dict[str, Estimate]


def summarise(rows: pa.Table) -> list[Point]:
    """The points of every curve in ``rows``, by configuration, variant and poison fraction.

    The unit of the intervals is the replicate: the runs of one generator share it, so they are averaged first, and
    Student's t is taken over those means. Cells without a score are left out.
    """
    complete = rows.select([*POINT, "replicate", *RATES]).filter(pc.equal(rows["outcome"], "complete"))
    # Arrow groups, so that a large sweep's rows never are Python's; the sums are ours, whose last bits do not depend
    # on the order of the rows.
    groups = complete.group_by([*POINT, "replicate"], use_threads=False).aggregate([(rate, "list") for rate in RATES])
    groups = groups.sort_by([(name, "ascending") for name in (*POINT, "replicate")])
    return [
        Point(configuration, variant, fraction, _rates(list(replicates)))
        for (configuration, variant, fraction), replicates in itertools.groupby(_rows(groups), _point)
    ]


def result_points(sweep: Sweep, points: Iterable[Point]) -> list[Point]:
    """Those of ``points`` that are results of ``sweep``, not a search's trials, in the order of its file."""
    variants = [(one.id, variant.id) for one in sweep.configurations if one.is_result for variant in one.variants]
    order = {key: index for index, key in enumerate(variants)}
    found = [point for point in points if (point.configuration, point.variant) in order]
    return sorted(found, key=lambda point: (order[point.configuration, point.variant], point.poison_fraction))


def _point(group: Mapping[str, Any]) -> tuple[str, str, float]:
    return group["configuration"], group["variant"], group["poison_fraction"]


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for part in table.to_batches(max_chunksize=CHUNK):
        yield from part.to_pylist()


def _rates(replicates: list[dict[str, Any]]) -> dict[str, Estimate]:
    """The estimates of one point, from the lists of values of each of its replicates."""
    rates = {}
    for rate in RATES:
        values = [[value for value in group[f"{rate}_list"] if value is not None] for group in replicates]
        if any(values):
            rates[rate] = estimate([group for group in values if group])
    return rates


def estimate(by_replicate: Iterable[list[float]]) -> Estimate:
    """Mean and 95 % interval from the values of each replicate."""
    groups = list(by_replicate)
    means = [math.fsum(values) / len(values) for values in groups]
    count = len(means)
    mean = math.fsum(means) / count
    half_width = None
    if count > 1:
        deviation = math.sqrt(math.fsum((m - mean) ** 2 for m in means) / (count - 1))
        half_width = _quantile(count - 1) * deviation / math.sqrt(count)
    return Estimate(mean, half_width, count, sum(map(len, groups)))


def _quantile(degrees: float, probability: float = 0.975) -> float:
    """Of Student's t."""
    from scipy.special import stdtrit  # workers, which import this module, do without

    return float(stdtrit(degrees, probability))


def apart(less: Estimate, more: Estimate) -> Estimate:
    """``more`` minus ``less`` of replicates that have nothing to do with each other, with Welch's 95 % interval."""
    half_width = None
    if less.half_width is not None and more.half_width is not None:
        squares = [(one.half_width / _quantile(one.replicates - 1)) ** 2 for one in (less, more)]  # type: ignore[operator]
        total = math.fsum(squares)
        parts = (square**2 / (one.replicates - 1) for square, one in zip(squares, (less, more), strict=True))
        half_width = _quantile(total**2 / math.fsum(parts)) * math.sqrt(total) if total else 0.0
    replicates, cells = min(less.replicates, more.replicates), less.cells + more.cells
    return Estimate(more.mean - less.mean, half_width, replicates, cells)


def one_sided(found: Estimate) -> float:
    """How far below (or above) the mean the one-sided 95 % interval of an estimate that has an interval ends."""
    assert found.half_width is not None
    degrees = found.replicates - 1
    return found.half_width * _quantile(degrees, 0.95) / _quantile(degrees)


def estimate_text(found: Estimate | None, planned: int | None = None) -> str:
    """``6.8 ± 1.2`` per cent, with ``(3 of 5)`` where only 3 of 5 ``planned`` replicates count; a dash for nothing."""
    if found is None:
        return "-"
    half = "" if found.half_width is None else f" ± {100 * found.half_width:.1f}"
    some = "" if planned in (None, found.replicates) else f" ({found.replicates} of {planned})"
    mean = round(100 * found.mean, 1) or 0.0  # not -0.0
    return f"{mean:.1f}{half}{some}"
