"""What is drawn, as plain data: decided apart from the drawing, and tested without it.

Shapes: N points, K classes, S tiles, H x W pixels. Errors and rates are per cent here: people read them.
"""

import itertools
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

MAX_BANDS = 3
BETWEEN_DOTS = 0.26  # of the distance of two rows


@dataclass(frozen=True)
class Line:
    """One curve with the half widths of its 95 % intervals, None where there is none.

    ``x_half``: of a single point, that of its x.
    """

    label: str
    colour: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    half: tuple[float | None, ...]
    marker: str = "o"
    dash: str = "-"
    x_half: float | None = None


@dataclass(frozen=True)
class LineFigure:
    """Curves over one axis, y from 0, or from ``y_min`` where that is less, to ``y_max``.

    ``x_range``: from where to where, if that is not the points'. ``holds``: a value holds until the next, so lines are
    steps.
    """

    name: str
    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    y_max: float
    log_x: bool = False
    x_range: tuple[float, float] | None = None
    y_min: float = 0.0
    holds: bool = False

    @cached_property
    def drawn(self) -> list[Line]:
        """The lines that have points."""
        return [line for line in self.lines if line.x]

    @property
    def has_bands(self) -> bool:
        """Whether intervals are bands: of more lines, bars are told apart better."""
        return len(self.drawn) <= MAX_BANDS

    @cached_property
    def apart(self) -> float:
        """How far the bars of two neighbouring lines stand side by side, in the units of x."""
        xs = sorted({x for line in self.drawn for x in line.x})
        if self.has_bands or self.log_x or len(xs) < 2:
            return 0.0
        closest = min(b - a for a, b in itertools.pairwise(xs))
        return min(0.012 * (xs[-1] - xs[0]), 0.5 * closest / len(self.drawn))

    def shift(self, index: int) -> float:
        """By how much the bars of the drawn line of this ``index`` stand aside."""
        return (index - (len(self.drawn) - 1) / 2) * self.apart


@dataclass(frozen=True)
class Dot:
    """One estimate in a row of `DotFigure`."""

    label: str
    colour: str
    value: float
    half: float | None
    marker: str = "o"


@dataclass(frozen=True)
class DotFigure:
    """Rows of dots over one axis, from 0 to ``x_max``."""

    name: str
    title: str
    x_label: str
    rows: tuple[tuple[str, tuple[Dot, ...]], ...]
    x_max: float

    def places(self) -> list[tuple[float, str, Dot]]:
        """Each dot with its row's name and its y: those of one row side by side."""
        return [
            (row + (index - (len(dots) - 1) / 2) * BETWEEN_DOTS, name, dot)
            for row, (name, dots) in enumerate(self.rows)
            for index, dot in enumerate(dots)
        ]


@dataclass(frozen=True, eq=False)
class HeatFigure:
    """A (K, K) matrix of numbers, in percentage points."""

    name: str
    title: str
    x_label: str
    y_label: str
    labels: tuple[str, ...]
    values: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points in the plane, (N, 2)."""

    label: str
    colour: str
    points: npt.NDArray[np.float64]
    marker: str


@dataclass(frozen=True)
class BoundaryLine:
    """The line a x + b y + c = 0."""

    label: str
    colour: str
    dash: str
    line: tuple[float, float, float]


@dataclass(frozen=True)
class ScatterFigure:
    """Clouds and boundaries within ``limits``: x from, x to, y from, y to."""

    name: str
    title: str
    clouds: tuple[Cloud, ...]
    boundaries: tuple[BoundaryLine, ...]
    limits: tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class TileFigure:
    """Grey images, (S, H, W) bytes."""

    name: str
    title: str
    tiles: npt.NDArray[np.uint8]
    colour: str


@dataclass(frozen=True)
class PointGroup:
    """Points that mean the same, with half widths of their 95 % intervals; ``is_large``: what is to be looked at first.

    ``names``: of the points, or none; the first ``written`` of them are written beside their points.
    """

    label: str
    colour: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    x_half: tuple[float | None, ...]
    y_half: tuple[float | None, ...]
    names: tuple[str, ...] = ()
    marker: str = "o"
    is_large: bool = False
    written: int = 8


@dataclass(frozen=True)
class PointFigure:
    """Groups of points, and a ``limit`` of x that is asked for."""

    name: str
    title: str
    x_label: str
    y_label: str
    groups: tuple[PointGroup, ...]
    limit: float | None = None


@dataclass(frozen=True)
class ParallelFigure:
    """Parallel coordinates: ``axes`` with the names of their ends; of each line its places, 0 to 1, and a colour."""

    name: str
    title: str
    axes: tuple[tuple[str, str, str], ...]
    lines: tuple[tuple[tuple[float, ...], str], ...]


Figure = LineFigure | DotFigure | HeatFigure | ScatterFigure | TileFigure | PointFigure | ParallelFigure


@dataclass(frozen=True)
class Group:
    """Figures that are read together, under one heading."""

    title: str
    caption: str
    figures: tuple[Figure, ...] = field(default=())
