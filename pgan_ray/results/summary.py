"""Means over replicates with their intervals: the numbers that the table and MLflow show."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
from scipy.special import stdtrit  # scipy.stats takes half a second to import, on every worker

from pgan_ray.results.schema import RATES


@dataclass(frozen=True)
class Estimate:
    """A mean over replicates and the half width of its 95 % interval (None with fewer than two replicates)."""

    mean: float
    half_width: float | None
    replicates: int
    cells: int


@dataclass(frozen=True)
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
    by_point: dict[tuple[str, str, float], list[dict[str, object]]] = defaultdict(list)
    for row in rows.select(["configuration", "variant", "poison_fraction", "replicate", "outcome", *RATES]).to_pylist():
        if row["outcome"] == "complete":
            by_point[row["configuration"], row["variant"], row["poison_fraction"]].append(row)
    points = []
    for (configuration, variant, fraction), cells in sorted(by_point.items()):
        rates = {}
        for rate in RATES:
            by_replicate: dict[int, list[float]] = defaultdict(list)
            for cell in cells:
                if cell[rate] is not None:
                    by_replicate[int(cell["replicate"])].append(float(cell[rate]))  # type: ignore[call-overload,arg-type]
            if by_replicate:
                rates[rate] = estimate(by_replicate.values())
        points.append(Point(configuration, variant, fraction, rates))
    return points


def estimate(by_replicate: Iterable[list[float]]) -> Estimate:
    """Mean and 95 % interval from the values of each replicate."""
    groups = list(by_replicate)
    means = [math.fsum(values) / len(values) for values in groups]
    count = len(means)
    mean = math.fsum(means) / count
    half_width = None
    if count > 1:
        deviation = math.sqrt(math.fsum((m - mean) ** 2 for m in means) / (count - 1))
        half_width = float(stdtrit(count - 1, 0.975)) * deviation / math.sqrt(count)
    return Estimate(mean, half_width, count, sum(map(len, groups)))
