"""What the detectors reject, by axis where there is one and by series where not."""

from pathlib import Path

import pytest

from pgan_ray.figures import palette
from pgan_ray.figures.charts import DotFigure, LineFigure
from pgan_ray.report.detection import detection_group
from pgan_ray.results import Store
from pgan_ray.study.study import load_study
from tests.report.report_sweep import ALPHAS, DETECTION, FLIPS, PLANE, SIZES, make_study


def test_by_alpha_and_percentile(tmp_path: Path) -> None:
    group = detection_group(make_study(tmp_path, DETECTION))
    assert group is not None
    assert "40 % poison" in group.caption
    (figure,) = group.figures
    assert isinstance(figure, LineFigure)
    assert {line.label for line in figure.lines} == {
        f"{what}, percentile {p}" for what in ("genuine", "poison") for p in (0.9, 0.95)
    }
    genuine = next(line for line in figure.lines if line.label == "genuine, percentile 0.9")
    assert genuine.colour == palette.GENUINE
    assert next(line for line in figure.lines if line.label == "poison, percentile 0.9").colour == palette.POISON
    assert genuine.x == (0, 0.1, 0.9)
    assert genuine.y == pytest.approx([10.125] * 3)


def test_by_series_where_there_is_no_axis(tmp_path: Path) -> None:
    group = detection_group(make_study(tmp_path, FLIPS))
    assert group is not None
    (figure,) = group.figures
    assert isinstance(figure, DotFigure)
    assert [name for name, _ in figure.rows] == ["pGAN α 0.1", "nearest label flip"]
    assert [dot.label for dot in figure.rows[0][1]] == ["genuine", "poison"]


def test_a_victim_is_nothing_to_a_detector(tmp_path: Path) -> None:
    text = ALPHAS.replace("  runs: 2", "  victim: {name: {grid: [mlp, knn]}}")
    group = detection_group(make_study(tmp_path, text))
    assert group is not None
    (figure,) = group.figures
    assert isinstance(figure, LineFigure)
    assert len(figure.lines) == 2


def test_the_trials_of_a_search_are_told_apart() -> None:
    kept = Path(__file__).parents[2] / "sweeps/results/mnist_worst_case-quick-two-detectors"
    group = detection_group(load_study(Store(kept)))
    assert group is not None
    (figure,) = group.figures
    assert isinstance(figure, DotFigure)
    trials = ("trial 10", "trial 14", "random trial 10", "random trial 5")
    assert [name for name, _ in figure.rows] == [f"{one}: {by}" for one in trials for by in ("knn distance", "slab")]


def test_sizes_are_no_axis_of_detection(tmp_path: Path) -> None:
    group = detection_group(make_study(tmp_path, SIZES))
    assert group is not None
    assert isinstance(group.figures[0], DotFigure)


def test_no_detector_no_figure(tmp_path: Path) -> None:
    assert detection_group(make_study(tmp_path, PLANE)) is None
