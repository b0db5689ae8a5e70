"""Draws what `pgan_ray.figures.charts` describes. Sizes suit a phone's width: text stays readable at 360 pixels."""

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator, ScalarFormatter

from pgan_ray.figures import charts
from pgan_ray.figures.canvas import INK, new_figure
from pgan_ray.figures.charts import (
    DotFigure,
    HeatFigure,
    Line,
    LineFigure,
    ParallelFigure,
    PointFigure,
    ScatterFigure,
    TileFigure,
)
from pgan_ray.figures.draw_trials import draw_parallel, draw_points
from pgan_ray.figures.frame import LABEL_SIZE, LETTER, POINT, WIDTH, frame, name_row, spread

_MARKS = {"s": "■", "o": "●"}


def draw(chart: charts.Figure) -> Figure:
    """The figure of one chart."""
    if isinstance(chart, LineFigure):
        return _lines(chart)
    if isinstance(chart, DotFigure):
        return _dots(chart)
    if isinstance(chart, HeatFigure):
        return _heat(chart)
    if isinstance(chart, ScatterFigure):
        return _scatter(chart)
    if isinstance(chart, PointFigure):
        return draw_points(chart)
    if isinstance(chart, ParallelFigure):
        return draw_parallel(chart)
    return _tiles(chart)


def _lines(chart: LineFigure) -> Figure:
    lines = chart.drawn
    labels = ["\n".join(textwrap.wrap(line.label, 18)) for line in lines]
    longest = max((len(part) for label in labels for part in label.split("\n")), default=0)
    figure, axes = frame(chart.title, right=min(0.3 + longest * LETTER, 2.0))
    if chart.log_x:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(ScalarFormatter())
    xs = sorted({x for line in lines for x in line.x})
    span = (xs[-1] - xs[0]) if xs else 0.0
    for index, line in enumerate(lines):
        _line(axes, line, chart.shift(index), with_band=chart.has_bands, holds=chart.holds)
    axes.set_ylim(min(0.0, chart.y_min), chart.y_max)
    if chart.x_range is not None:
        low, high = chart.x_range
        axes.set_xlim(low - 0.03 * (high - low), high + 0.03 * (high - low))
    elif xs:
        room = 0.025 * span + chart.apart * len(lines) / 2 or 1.0
        if not chart.log_x:
            axes.set_xlim(xs[0] - room, xs[-1] + room)
            _ticks(axes, xs)
        else:
            axes.set_xticks(xs)
            axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(chart.x_label)
    axes.set_ylabel(chart.y_label)
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    _end_labels(figure, axes, lines, labels)
    return figure


def _line(axes: Axes, line: Line, shift: float, *, with_band: bool, holds: bool) -> None:
    x = np.array(line.x) + shift
    y = np.array(line.y)
    half = np.array([0.0 if h is None else h for h in line.half])
    if line.x_half:
        axes.errorbar(x, y, xerr=line.x_half, fmt="none", ecolor=line.colour, elinewidth=1.1, capsize=2.5, zorder=2)
    face = line.colour if line.dash == "-" else "white"
    steps = "steps-post" if holds else "default"
    axes.plot(
        x,
        y,
        color=line.colour,
        linestyle=line.dash,
        drawstyle=steps,
        marker=line.marker,
        markerfacecolor=face,
        zorder=3,
    )
    if not half.any():
        return
    if with_band and len(x) > 1:
        axes.fill_between(x, np.maximum(y - half, 0), y + half, color=line.colour, alpha=0.16, linewidth=0, zorder=2)
        return
    shown = half > 0
    axes.errorbar(
        x[shown], y[shown], yerr=half[shown], fmt="none", ecolor=line.colour, elinewidth=1.1, capsize=2.5, zorder=2
    )


def _ticks(axes: Axes, xs: Sequence[float]) -> None:
    """A tick at every x that was measured, as far as their labels have room."""
    span = xs[-1] - xs[0]
    kept: list[float] = []
    for x in xs:
        letters = len(f"{x:,.6g}")
        if not kept or x - kept[-1] >= span * (0.032 * letters + 0.03):
            kept.append(x)
    axes.set_xticks(kept, [f"{x:,.6g}" for x in kept])


def _end_labels(figure: Figure, axes: Axes, lines: Sequence[Line], labels: Sequence[str]) -> None:
    """Each line's name at its right end; names that would overlap are moved apart, with a thin leader."""
    if not lines:
        return
    low, high = axes.get_ylim()
    plot_height = axes.get_position().height * figure.get_figheight()
    unit = (high - low) / plot_height  # y of an inch
    right = axes.get_xlim()[1]
    order = sorted(range(len(lines)), key=lambda i: lines[i].y[-1])
    heights = [(labels[i].count("\n") + 1) * 1.22 * LABEL_SIZE * POINT * unit for i in order]
    places = spread([lines[i].y[-1] for i in order], heights, low, high + 0.1 * unit)
    transform = axes.get_yaxis_transform()
    left_edge = 1.0 + 0.13 / (axes.get_position().width * figure.get_figwidth())
    for i, place in zip(order, places, strict=True):
        line = lines[i]
        axes.plot(
            [line.x[-1], right],
            [line.y[-1], line.y[-1]],
            color=line.colour,
            linewidth=0.7,
            linestyle=":" if line.x[-1] < right else "-",
            alpha=0.7,
            scalex=False,
            scaley=False,
        )
        axes.plot(
            [1.0, left_edge - 0.008],
            [line.y[-1], place],
            color=line.colour,
            linewidth=0.8,
            transform=transform,
            clip_on=False,
            scalex=False,
            scaley=False,
        )
        axes.text(
            left_edge,
            place,
            labels[i],
            transform=transform,
            color=line.colour,
            size=LABEL_SIZE,
            weight="bold",
            va="center",
            ha="left",
            linespacing=1.0,
        )


def _dots(chart: DotFigure) -> Figure:
    names = ["\n".join(textwrap.wrap(name, 22)) for name, _ in chart.rows]
    longest = max((len(part) for name in names for part in name.split("\n")), default=0)
    left = min(0.25 + longest * 1.05 * LETTER, 2.2)
    figure, axes = frame(chart.title, right=0.2, left=left, height=1.6 + 0.42 * len(names), below_title=0.25)
    for y, _, dot in chart.places():
        xerr = None if dot.half is None else [dot.half]
        axes.errorbar([dot.value], [y], xerr=xerr, fmt=dot.marker, color=dot.colour, elinewidth=1.4, capsize=3)
    axes.set_yticks(range(len(names)), names, size=LABEL_SIZE)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0, chart.x_max)
    kinds = dict.fromkeys((f"{_MARKS[dot.marker]} {dot.label}", dot.colour) for _, dots in chart.rows for dot in dots)
    name_row(figure, 0, list(kinds))
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(chart.x_label)
    return figure


def _heat(chart: HeatFigure) -> Figure:
    count = len(chart.labels)
    longest = max(map(len, chart.labels))
    figure, axes = frame(chart.title, right=0.15, left=0.5 + 0.09 * longest, height=WIDTH)
    most = max(1.0, float(np.abs(chart.values).max()))
    axes.imshow(chart.values, cmap="PuOr_r", norm=TwoSlopeNorm(0.0, -most, most), aspect="auto")
    size = 9.5 if count <= 10 else max(4.0, 95 / count)
    for row in range(count):
        for column in range(count):
            value = float(chart.values[row, column])
            text = _points(value)
            colour = "white" if abs(value) > 0.6 * most else INK if text != "0" else "#AAAAAA"
            axes.text(column, row, text, ha="center", va="center", size=size, color=colour)
    turn = 0 if longest <= 3 else 60
    axes.set_xticks(range(count), chart.labels, rotation=turn)
    axes.set_yticks(range(count), chart.labels)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.set_xlabel(chart.x_label)
    axes.set_ylabel(chart.y_label)
    return figure


def _points(value: float) -> str:
    """``+12``, ``-0.4``, ``0``: short enough for a tenth of a phone's width."""
    rounded = round(value, 1)
    if rounded == 0:
        return "0"
    text = f"{rounded:+.1f}" if abs(rounded) < 10 else f"{rounded:+.0f}"
    return text.replace("-", "−")


def _scatter(chart: ScatterFigure) -> Figure:
    figure, axes = frame(chart.title, right=0.2, height=4.7, below_title=0.46)
    x0, x1, y0, y1 = chart.limits
    for cloud in chart.clouds:
        inside = np.clip(cloud.points, (x0, y0), (x1, y1))
        out = (inside != cloud.points).any(1)
        x, y = inside[~out].T
        axes.scatter(x, y, s=12, color=cloud.colour, alpha=0.55, marker=cloud.marker, linewidths=0.8)
        x, y = inside[out].T
        axes.scatter(x, y, s=16, color=cloud.colour, alpha=0.8, marker="^", linewidths=0, clip_on=False)
    for boundary in chart.boundaries:
        a, b, c = boundary.line
        if abs(b) >= abs(a):
            x = np.array([x0, x1])
            axes.plot(x, -(a * x + c) / b, color=boundary.colour, linestyle=boundary.dash, linewidth=1.8)
        else:
            y = np.array([y0, y1])
            axes.plot(-(b * y + c) / a, y, color=boundary.colour, linestyle=boundary.dash, linewidth=1.8)
    axes.set_xlim(x0, x1)
    axes.set_ylim(y0, y1)
    axes.grid(visible=False)
    axes.set_xlabel("x")
    axes.set_ylabel("y")
    marks = {"--": "– –", "-": "—"}
    name_row(figure, 0, [(cloud.label, cloud.colour) for cloud in chart.clouds])
    lines = [(f"{marks[boundary.dash]} {boundary.label}", boundary.colour) for boundary in chart.boundaries]
    name_row(figure, 1, [("boundary:", INK), *lines] if lines else [])
    return figure


def _tiles(chart: TileFigure) -> Figure:
    count, height, width = chart.tiles.shape
    columns = 8
    rows = max(1, -(-count // columns))
    gap = 2
    canvas = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), 255, np.uint8)
    for index, tile in enumerate(chart.tiles):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        canvas[top : top + height, left : left + width] = tile
    side = WIDTH - 0.2
    tall = side * canvas.shape[0] / canvas.shape[1]
    figure = new_figure(WIDTH, tall + 0.55)
    axes = figure.add_axes((0.1 / WIDTH, 0.1 / (tall + 0.55), side / WIDTH, tall / (tall + 0.55)))
    axes.imshow(canvas, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_axis_off()
    figure.text(0.02, 1 - 0.12 / (tall + 0.55), chart.title, va="top", size=13, weight="bold", color=chart.colour)
    return figure
