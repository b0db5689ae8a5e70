"""Drawing: labels that do not overlap, the same bytes every time, nothing left behind."""

import itertools
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest

from pgan_ray.figures import charts, palette
from pgan_ray.figures.canvas import style, to_png, to_svg
from pgan_ray.figures.draw import draw
from pgan_ray.figures.frame import spread

LINE = charts.Line("α 0.1", "#300594", (0, 20, 40), (2, 5, 12), (None, 1, 2))
POINT = charts.Line("a", "#000000", (1,), (1,), (None,))
FAR = charts.Line("a", "#000000", (1, 10, 1000), (1, 2, 3), (0,) * 3)
EMPTY = charts.Line("nothing", "#000000", (), (), ())
CHARTS = [
    charts.LineFigure("one", "One", "x", "y, %", (LINE,), 15),
    charts.LineFigure("bars", "Many " * 20, "x", "y, %", (LINE,) * 8, 15),
    charts.LineFigure("empty", "", "x", "y, %", (EMPTY,), 1),
    charts.LineFigure("point", "$5 & <one> _point_", "x", "y, %", (POINT,), 2),
    charts.LineFigure("log", "Log", "x", "y, %", (FAR,), 4, True),
    charts.DotFigure("dots", "Dots", "x, %", (("a", (charts.Dot("g", "#000000", 5, 1),)), ("b", ())), 10),
    charts.HeatFigure("heat", "Heat", "x", "y", ("0", "1"), np.array([[0.04, -12.3], [100.0, 0]])),
    charts.ScatterFigure(
        "plane",
        "Plane",
        (charts.Cloud("poison", palette.POISON, np.array([[0, 0], [9, 9.0]]), "x"),),
        (
            charts.BoundaryLine("clean", "#000000", "--", (0, 1, -1)),
            charts.BoundaryLine("poisoned", "#000000", "-", (1, 0, 1)),
        ),
        (-1, 1, -1, 1),
    ),
    charts.TileFigure("tiles", "Tiles", np.zeros((9, 4, 4), np.uint8), "#300594"),
]  # fmt: skip


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
def test_every_chart_is_drawn_the_same_twice(chart: charts.Figure) -> None:
    before = dict(mpl.rcParams)
    with style():
        first, second = draw(chart), draw(chart)
        png, svg = to_png(first), to_svg(first)
        assert (to_png(second), to_svg(second)) == (png, svg)
    assert png.startswith(b"\x89PNG")
    assert b"<svg" in svg
    assert b"<dc:date>" not in svg
    assert dict(mpl.rcParams) == before


def test_values_that_hold_are_steps_and_those_below_zero_are_shown() -> None:
    line = charts.Line("a", "#000000", (0, 1), (-2, 1), (None, None), marker="")
    chart = charts.LineFigure("steps", "Steps", "x", "y", (line,), 2, y_min=-3, holds=True)
    with style():
        axes = draw(chart).axes[0]
    assert axes.get_ylim() == (-3, 2)
    assert axes.lines[0].get_drawstyle() == "steps-post"


@pytest.mark.parametrize("wanted", [[0, 0, 0, 0], [1, 1.1, 5, 9.9], [9.8, 9.9, 10, 10], [2, 4, 6, 8]])
def test_labels_are_moved_apart_and_stay_inside(wanted: list[float]) -> None:
    places = spread(wanted, [1.0] * 4, 0.0, 10.0)
    assert all(b - a >= 1 - 1e-9 for a, b in itertools.pairwise(places))
    assert places[0] >= 0
    assert places[-1] <= 10
    assert spread([2, 4], [1, 1], 0, 10) == [2, 4]  # those that do not touch stay


def test_pyplot_is_never_loaded() -> None:
    code = "import sys, pgan_ray.report; print('matplotlib.pyplot' in sys.modules, 'torch' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.split() == ["False", "False"]
