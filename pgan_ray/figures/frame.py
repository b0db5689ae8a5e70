"""The frame of a figure: its title, its margins, and names in their colours."""

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pgan_ray.figures.canvas import new_figure

WIDTH, HEIGHT = 5.0, 3.7
LABEL_SIZE = 10.0
POINT = 1 / 72
LETTER = 0.62 * LABEL_SIZE * POINT  # inches of a letter of a label, on average
TITLE_LETTERS = 46


def frame(
    title: str,
    *,
    right: float,
    left: float = 0.7,
    width: float = WIDTH,
    height: float = HEIGHT,
    below_title: float = 0.0,
) -> tuple[Figure, Axes]:
    """Axes with fixed margins in inches, so that figures of one group have the same plot area."""
    wrapped = textwrap.wrap(title, TITLE_LETTERS) or [""]
    above = 0.22 + 0.22 * len(wrapped) + below_title
    figure = new_figure(width, height + 0.22 * (len(wrapped) - 1))
    total = figure.get_figheight()
    axes: Axes = figure.add_axes(
        (left / width, 0.58 / total, (width - left - right) / width, 1 - (0.58 + above) / total)
    )
    figure.text(0.12 / width, 1 - 0.1 / total, "\n".join(wrapped), va="top", ha="left", size=12.5, weight="bold")
    return figure, axes


def name_row(figure: Figure, row: int, entries: Sequence[tuple[str, str]]) -> None:
    """Names in their colours, side by side, in a row between title and plot."""
    at = 0.12
    for label, colour in entries:
        y = 1 - (0.4 + 0.21 * row) / figure.get_figheight()
        figure.text(at / WIDTH, y, label, color=colour, size=LABEL_SIZE, weight="bold", va="top")
        at += (len(label) + 2.2) * LETTER


def spread(wanted: Sequence[float], heights: Sequence[float], low: float, high: float) -> list[float]:
    """Centres near ``wanted`` (rising) at which labels of these ``heights`` do not overlap, within low and high."""
    places: list[float] = []
    edge = low - (heights[0] / 2 if heights else 0)
    for want, height in zip(wanted, heights, strict=True):
        places.append(max(want, edge + height / 2))
        edge = places[-1] + height / 2
    edge = high + (heights[-1] / 2 if heights else 0)
    for index in reversed(range(len(places))):
        places[index] = min(places[index], edge - heights[index] / 2)
        edge = places[index] - heights[index] / 2
    return places
