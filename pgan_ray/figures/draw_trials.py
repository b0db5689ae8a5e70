"""Draws a search's trials."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pgan_ray.figures.charts import ParallelFigure, PointFigure
from pgan_ray.figures.frame import LABEL_SIZE, POINT, frame, name_row, spread


def draw_points(chart: PointFigure) -> Figure:
    """Points with their intervals, and a limit."""
    figure, axes = frame(chart.title, right=0.2, height=4.0, below_title=0.25)
    for group in chart.groups:
        fine = group.is_large
        axes.errorbar(
            group.x,
            group.y,
            xerr=_bars(group.x_half) if fine else None,
            yerr=_bars(group.y_half) if fine else None,
            fmt=group.marker,
            color=group.colour,
            markersize=8 if fine else 4.5,
            elinewidth=1.1,
            capsize=2.5,
            alpha=1.0 if fine else 0.55,
            markeredgewidth=0,
            zorder=4 if fine else 3,
        )
    if chart.limit is not None:
        axes.axvline(chart.limit, color="#777777", linewidth=1.0, linestyle="--", zorder=1)
    name_row(figure, 0, [(group.label, group.colour) for group in chart.groups])
    axes.axhline(0, color="#bbbbbb", linewidth=0.8, zorder=1)
    axes.set_xlabel(chart.x_label)
    axes.set_ylabel(chart.y_label)
    axes.margins(x=0.08)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    _names(figure, axes, chart)
    return figure


def _names(figure: Figure, axes: Axes, chart: PointFigure) -> None:
    """The points' names beside them, towards the middle; those that would overlap are moved apart."""
    named = [
        (y, x, name, group.colour)
        for group in chart.groups
        for name, x, y in zip(group.names[: group.written], group.x, group.y, strict=False)
    ]
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    size, middle = LABEL_SIZE - 1, (left + right) / 2
    height = 1.3 * size * POINT * (high - low) / (axes.get_position().height * figure.get_figheight())
    named.sort()
    places = spread([y + height / 3 for y, *_ in named], [height] * len(named), low, high)
    for (y, x, name, colour), place in zip(named, places, strict=True):
        aside, align = (0.02, "left") if x <= middle else (-0.02, "right")
        at = x + aside * (right - left)
        axes.plot([x, at], [y, place], color=colour, linewidth=0.6, scalex=False, scaley=False)
        axes.text(at, place, name, size=size, color=colour, ha=align, va="center")


def _bars(half: tuple[float | None, ...]) -> "np.ndarray | None":
    return np.array([0.0 if one is None else one for one in half]) if any(half) else None


def draw_parallel(chart: ParallelFigure) -> Figure:
    """A line of each trial through what was chosen for it, the last axis what came of it."""
    longest = max(len(axis) for axis, _, _ in chart.axes)
    figure, axes = frame(chart.title, right=0.5, left=0.5, height=2.9 + 0.05 * longest)
    at = range(len(chart.axes))
    for values, colour in chart.lines:  # the best are drawn last
        axes.plot(at, values, color=colour, linewidth=1.2, alpha=0.75)
    for place, (_, low, high) in zip(at, chart.axes, strict=True):
        axes.axvline(place, color="#999999", linewidth=0.8, zorder=1)
        axes.text(place, -0.02, low, ha="center", va="top", size=LABEL_SIZE - 2)
        axes.text(place, 1.02, high, ha="center", va="bottom", size=LABEL_SIZE - 2)
    axes.set_xticks(list(at), [axis for axis, _, _ in chart.axes], rotation=30, ha="right", size=LABEL_SIZE - 1)
    axes.tick_params(axis="x", pad=14, length=0)
    axes.set_yticks([])
    axes.set_ylim(-0.02, 1.02)
    axes.grid(visible=False)
    for side in axes.spines.values():
        side.set_visible(False)
    bottom = 0.45 + 0.05 * longest
    box, total = axes.get_position(), figure.get_figheight()
    axes.set_position((box.x0, bottom / total, box.width, box.y1 - bottom / total - 0.12 / total))
    return figure
