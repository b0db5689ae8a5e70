"""Damage against detectability: which attack is named, and where each one lies."""

from pathlib import Path

import pytest

from pgan_ray.figures.charts import PointFigure
from pgan_ray.report.tradeoff import tradeoff_group
from tests.report.report_sweep import harm, make_study


def test_the_strongest_within_the_budget_is_named(tmp_path: Path) -> None:
    group = tradeoff_group(make_study(tmp_path))
    assert group is not None
    assert "The strongest within it is α 0.1: 18.4 ± 0.9 points." in group.caption
    (figure,) = group.figures
    assert isinstance(figure, PointFigure)
    assert [points.label for points in figure.groups] == ["within the budget"]
    assert figure.groups[0].names == ("α 0.1", "α 0.5", "α 0.9")
    assert figure.groups[0].x[0] == pytest.approx(100 * (0.01 - 0.05 - 0.5 * 0.00125))
    assert figure.limit == 1


def test_where_the_detectors_see_all_of_them_none_is(tmp_path: Path) -> None:
    group = tradeoff_group(make_study(tmp_path, scores=lambda *cell: harm(*cell) | {"rejected_poison": 0.4}))
    assert group is not None
    assert "strongest" not in group.caption


def test_without_detectors_there_is_no_trade_off(tmp_path: Path) -> None:
    unseen = {"rejected_poison": None, "rejected_genuine": None}
    assert tradeoff_group(make_study(tmp_path, scores=lambda *cell: harm(*cell) | unseen)) is None
