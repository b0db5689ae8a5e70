"""The one place where figures become files: matplotlib's object-oriented interface, no state that others see."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from pgan_ray.figures.values import Spot

PNG_DPI = 160
POINTS = 72  # of an inch, the units of an SVG
_NO_PART = re.compile(r"<!--.*?-->|<metadata>.*?</metadata>|<style .*?</style>", re.DOTALL)
INK = "#222222"
FAINT = "#D9D9D9"
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters everywhere
    "font.size": 11,
    "axes.titlesize": 12.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelsize": 11,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#888888",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": FAINT,
    "grid.linewidth": 0.7,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "text.parse_math": False,  # labels are a user's text, not formulas
    "lines.linewidth": 2.0,
    "lines.markersize": 5.5,
    "svg.hashsalt": "pgan-ray",
    "svg.fonttype": "path",
    "path.simplify": True,
}


@contextmanager
def style() -> Iterator[None]:
    """Within: our look, from matplotlib's own defaults and whatever a user's matplotlibrc says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches. Half of a desktop page wide, or all of a phone's."""
    return Figure(figsize=(width, height), facecolor="white")


def to_png(figure: Figure) -> bytes:
    """The same bytes for the same figure."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", dpi=PNG_DPI, metadata={"Software": None})
    return buffer.getvalue()


def to_svg(figure: Figure, told: Sequence[Spot] = ()) -> bytes:
    """The same bytes for the same figure; letters are outlines, so no font is needed.

    ``told``: what is shown where a pointer rests on these places of the figure's first axes.
    """
    buffer = io.BytesIO()
    FigureCanvasSVG(figure)
    figure.savefig(buffer, format="svg", dpi=PNG_DPI, metadata={"Date": None, "Creator": None})
    return buffer.getvalue().replace(b"</svg>", f"{_spots(figure, told)}</svg>".encode()) if told else buffer.getvalue()


def _spots(figure: Figure, told: Sequence[Spot]) -> str:
    axes = figure.axes[0]
    shown = axes.transData.transform([(spot.x, spot.y) for spot in told])
    (width, height), places = figure.get_size_inches() * POINTS, figure.transFigure.inverted().transform(shown)
    circles = (
        f'<circle cx="{x * width:.1f}" cy="{(1 - y) * height:.1f}" r="7"><title>{escape(spot.text)}</title></circle>'
        for spot, (x, y) in zip(told, places, strict=True)
    )
    return f'<g class="spots" fill-opacity="0" pointer-events="all">{"".join(circles)}</g>'


def inline(svg: bytes, name: str, alt: str) -> str:
    """A figure as a part of a page: its ids are its own, ``alt`` is what it is to those who do not see it."""
    text = _NO_PART.sub("", svg.decode())
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text[text.index("<svg") :])
    return text.replace("<svg ", f'<svg class="chart" role="img" aria-label="{escape(alt)}" ', 1)
