"""Confusion matrices, the plane, images."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pgan_ray.figures import palette
from pgan_ray.figures.charts import HeatFigure, ScatterFigure, TileFigure
from pgan_ray.figures.palette import alpha_colour
from pgan_ray.report.pictures import confusion_group, grey, mean_boundary, plane_group, samples_group
from pgan_ray.results import Store
from pgan_ray.spec import Cell, Settings
from pgan_ray.study.study import load_study
from tests.report.report_sweep import (
    ALPHAS,
    PLANE,
    TEN,
    harm,
    make_generators,
    make_record,
    make_store,
    make_study,
    write_genuine,
)


def ten(settings: Settings, cell: Cell) -> dict[str, Any]:
    """4 % poison takes 12 of 100 threes for fives."""
    matrix = 100 * np.eye(10, dtype=int)
    moved = round(300 * cell.poison_fraction)
    matrix[3, 3] -= moved
    matrix[3, 5] += moved
    return harm(settings, cell) | {"confusion": matrix.tolist()}


def test_difference_of_confusion_matrices(tmp_path: Path) -> None:
    group = confusion_group(make_study(tmp_path, TEN, ten))
    assert group is not None
    (figure,) = group.figures
    assert isinstance(figure, HeatFigure)
    assert figure.labels == tuple(map(str, range(10)))
    wanted = np.zeros((10, 10))
    wanted[3, 3], wanted[3, 5] = -12, 12
    np.testing.assert_allclose(figure.values, wanted, atol=1e-9)
    assert "4 % poison minus clean" in figure.title


def test_two_classes_and_rows_without_a_matrix_have_no_heat_map(tmp_path: Path) -> None:
    assert confusion_group(make_study(tmp_path / "two", ALPHAS)) is None
    assert confusion_group(make_study(tmp_path / "old", TEN)) is None


def boundaries(settings: Settings, cell: Cell) -> dict[str, Any]:
    scale = 1.0 + cell.run  # the same line
    return harm(settings, cell) | {"boundary": [0.0, 2.0 * scale, -scale * (1.0 + cell.replicate)]}


def test_the_plane_with_mean_boundaries(tmp_path: Path) -> None:
    store = make_store(tmp_path, PLANE, boundaries)
    write_genuine(store)
    study = load_study(store)
    assert mean_boundary(study, study.series[0], 0.2) == pytest.approx((0, 1, -1))  # mean of -0.5, -1, -1.5
    group = plane_group(study)
    assert group is not None
    assert [figure.title for figure in group.figures] == ["α 0", "α 0.2", "α 1"]
    figure = group.figures[0]
    assert isinstance(figure, ScatterFigure)
    assert [cloud.label for cloud in figure.clouds] == ["class 0 (source)", "class 1 (poison class)", "poison"]
    assert [cloud.colour for cloud in figure.clouds] == [palette.GENUINE, palette.GENUINE_TARGET, palette.POISON]
    assert len(figure.clouds[2].points) == 90  # of three generators
    assert [boundary.label for boundary in figure.boundaries] == ["clean", "20 % poison"]


def test_the_plane_without_genuine_points_or_boundaries(tmp_path: Path) -> None:
    study = make_study(tmp_path, PLANE)
    group = plane_group(study)
    assert group is not None
    figure = group.figures[0]
    assert isinstance(figure, ScatterFigure)
    assert ([cloud.label for cloud in figure.clouds], figure.boundaries) == (["poison"], ())
    assert study.placements == {}


def test_where_the_poison_lies(tmp_path: Path) -> None:
    store = make_store(tmp_path, PLANE)
    write_genuine(store, source=(4.0, 0.0), own=(0.0, 0.0))
    places = load_study(store).placements["alpha=0"]
    assert set(places) == {0, 1, 2}  # the poison is drawn around (0, 0), where its class is
    assert all(abs(place["poison_shift"]) < 0.2 and place["poison_distance"] < 0.7 for place in places.values())


def test_images_have_no_plane_and_points_no_samples(tmp_path: Path) -> None:
    assert plane_group(make_study(tmp_path / "a")) is None
    assert samples_group(make_study(tmp_path / "b", PLANE)) is None


def test_samples_of_each_configuration(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    Path(tmp_path, "generators/alpha=0.1/r0/samples.safetensors").unlink()  # a copy in part: the next one serves
    group = samples_group(load_study(store))
    assert group is not None
    assert [figure.title for figure in group.figures] == ["α 0.1", "α 0.5", "α 0.9"]
    figure = group.figures[1]
    assert isinstance(figure, TileFigure)
    assert figure.tiles.shape == (32, 4, 4)
    assert figure.colour == alpha_colour(0.5)
    assert "labelled 5" in group.caption


def test_grey() -> None:
    points = np.array([[-1, 0, 1, 0.5]], np.float32)
    np.testing.assert_array_equal(grey(points, (2, 2)), [[[0, 128], [255, 191]]])
    np.testing.assert_array_equal(grey(10 * points, (2, 2)), [[[0, 128], [255, 191]]])
    assert grey(np.array([[np.nan] * 4], np.float32), (2, 2)).shape == (1, 2, 2)


def test_diverged_generators_have_no_pictures(tmp_path: Path) -> None:
    store, record = Store(tmp_path), make_record()
    store.write("sweep.yaml", record.to_yaml().encode())
    make_generators(store, record, outcome="diverged")
    assert samples_group(load_study(store)) is None
    assert plane_group(load_study(store)) is None


def test_samples_are_named_by_what_their_generators_differ_in(tmp_path: Path) -> None:
    text = ALPHAS.replace("  runs: 2", "  runs: 2\n  victim: {name: {grid: [mlp, knn]}}")
    group = samples_group(make_study(tmp_path / "alphas", text))
    assert group is not None
    assert [figure.title for figure in group.figures] == ["α 0.1", "α 0.5", "α 0.9"]
    group = samples_group(make_study(tmp_path / "one", text.replace("{grid: [0.1, 0.5, 0.9]}", "0.1")))
    assert group is not None
    assert [figure.title for figure in group.figures] == ["pGAN α 0.1"]
