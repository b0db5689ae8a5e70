"""The numbers of a figure in words: at each point that is drawn, and as the text that stands for the picture."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pgan_ray.figures.charts import (
    DotFigure,
    Figure,
    HeatFigure,
    LineFigure,
    ParallelFigure,
    PointFigure,
    PointGroup,
    ScatterFigure,
)

MAX_CELLS = 5


@dataclass(frozen=True)
class Spot:
    """What stands at a place of the axes, in the units of these."""

    x: float
    y: float
    text: str


def spots(chart: Figure) -> list[Spot]:
    """Every number that is drawn at one place; of clouds of points and images there are none."""
    if isinstance(chart, LineFigure):
        return [
            Spot(x + chart.shift(index), y, f"{line.label} at {_pair(x, line.x_half)}: {_pair(y, half)}")
            for index, line in enumerate(chart.drawn)
            for x, y, half in zip(line.x, line.y, line.half, strict=True)
        ]
    if isinstance(chart, DotFigure):
        return [
            Spot(dot.value, y, f"{name}, {dot.label}: {_pair(dot.value, dot.half)}") for y, name, dot in chart.places()
        ]
    if isinstance(chart, HeatFigure):
        return [
            Spot(column, row, f"{chart.labels[row]} as {chart.labels[column]}: {chart.values[row, column]:+.1f}")
            for row in range(len(chart.labels))
            for column in range(len(chart.labels))
        ]
    if isinstance(chart, PointFigure):
        return [spot for group in chart.groups for spot in _points(group)]
    return []


def in_words(chart: Figure) -> str:
    """What a picture of ``chart`` tells, with its numbers."""
    return f"{chart.title}. {'; '.join(_told(chart))}."


def _told(chart: Figure) -> Iterator[str]:
    if isinstance(chart, LineFigure):
        yield f"{chart.y_label}, against {chart.x_label}"
        for line in chart.drawn:
            points = zip(line.x, line.y, line.half, strict=True)
            yield f"{line.label}: " + ", ".join(f"{_pair(y, half)} at {_pair(x, line.x_half)}" for x, y, half in points)
    elif isinstance(chart, HeatFigure):
        yield "the largest changes, in points"
        yield from (spot.text for _, spot in sorted(_by_size(chart), key=lambda pair: -pair[0])[:MAX_CELLS])
    elif isinstance(chart, ScatterFigure):
        for cloud in chart.clouds:
            x, y = np.asarray(cloud.points).mean(0) if len(cloud.points) else (0.0, 0.0)
            yield f"{cloud.label}: {len(cloud.points)} points around ({x:.1f}, {y:.1f})"
        for boundary in chart.boundaries:
            a, b, c = boundary.line
            yield f"boundary, {boundary.label}: {a:.2f} x {b:+.2f} y {c:+.2f} = 0"
    elif isinstance(chart, ParallelFigure):
        yield f"{len(chart.lines)} trials"
        yield from (f"{name} from {low} to {high}" for name, low, high in chart.axes)
    elif isinstance(chart, (DotFigure, PointFigure)):
        yield chart.x_label if isinstance(chart, DotFigure) else f"{chart.x_label} | {chart.y_label}"
        yield from (spot.text for spot in spots(chart))
    else:
        count, height, width = chart.tiles.shape
        yield f"{count} grey images of {width} x {height} pixels"


def _by_size(chart: HeatFigure) -> Iterator[tuple[float, Spot]]:
    return zip(np.abs(chart.values).ravel().tolist(), spots(chart), strict=True)


def _points(group: PointGroup) -> Iterator[Spot]:
    names = group.names or (group.label,) * len(group.x)
    for name, x, y, x_half, y_half in zip(names, group.x, group.y, group.x_half, group.y_half, strict=True):
        yield Spot(x, y, f"{name}: {_pair(x, x_half)} | {_pair(y, y_half)}")


def _pair(value: float, half: float | None) -> str:
    """Tenths, or whole numbers as such."""
    text = f"{value:g}" if half is None and float(value).is_integer() else f"{value:.1f}"
    return text if half is None else f"{text} ± {half:.1f}"
