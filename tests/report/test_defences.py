"""Rise of the error against what is caught, and which defence would have helped at what cost."""

from pathlib import Path
from typing import Any

import pytest

from pgan_ray.figures.charts import LineFigure
from pgan_ray.report.defences import defence_group, defence_tables
from pgan_ray.spec import Cell, Settings
from pgan_ray.study.study import Study
from tests.report.report_sweep import ALPHAS, FLIPS, make_study

PIPELINES = "  runs: 2\n  defence: {grid: [[], [{name: slab}, {name: sphere}], [{name: trim}]]}"
# test error without poison and with the largest fraction; dropped poison and genuine points
TOLD = {None: (0.02, 0.22, None, None), "slab+sphere": (0.03, 0.12, 0.6, 0.1), "trim": (0.05, 0.04, 0.9, 0.2)}


def told(settings: Settings, cell: Cell) -> dict[str, Any]:
    clean, poisoned, poison, genuine = TOLD[settings.evaluation.defence_name]
    noise = 0.001 * cell.replicate + 0.002 * cell.run
    return {
        "test_error": noise + clean + (poisoned - clean) * cell.poison_fraction / 0.4,
        "false_positive_rate": 0.1,
        "false_negative_rate": 0.1,
        "rejected_genuine": 0.05,
        "rejected_poison": 0.1 if cell.poison_fraction else None,
        "dropped_genuine": genuine,
        "dropped_poison": poison if cell.poison_fraction else None,
    }


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return make_study(tmp_path, FLIPS.replace("  runs: 2", PIPELINES), told)


def test_a_panel_of_each_pipeline_with_a_point_of_each_attack(study: Study) -> None:
    group = defence_group(study)
    assert group is not None
    assert "40 % poison" in group.caption
    figures = [figure for figure in group.figures if isinstance(figure, LineFigure)]
    assert [figure.title for figure in figures] == [
        "Rise of the error: no defence",
        "Rise of the error: slab + sphere",
        "Rise of the error: trim",
    ]
    for figure, x, y in zip(figures, (10.0, 70.0, 100.0), (20.0, 9.0, 0.0), strict=True):
        assert [line.label for line in figure.lines] == ["pGAN α 0.1", "nearest label flip"]
        assert figure.x_range == (0, 100)
        assert figure.y_max == figures[0].y_max > 20
        for line in figure.lines:
            assert line.x == pytest.approx((x,))
            assert line.y == pytest.approx((y,), abs=1e-9)
            # Pairs of one split: what the split alone does is gone.
            assert line.half[0] == pytest.approx(0, abs=1e-9)


def test_what_helps_and_what_it_costs(study: Study) -> None:
    worst, table = defence_tables(study)
    assert [row[:2] for row in worst.rows] == [
        (defence, f"40 % {study.record.sweep.called(study.series[0].configuration)}")
        for defence in ("none", "slab+sphere", "trim")
    ]
    assert [row[2].partition(" ")[0] for row in worst.rows] == ["22.2", "12.2", "4.2"]
    rows = [row for row in table.rows if row[0] == "nearest label flip"]
    assert [row[1] for row in rows] == ["none", "slab + sphere", "trim"]
    columns = {name: index for index, name in enumerate(table.columns)}
    means = {row[1]: [row[columns[name]].partition(" ")[0] for name in table.columns[4:]] for row in rows}
    assert means == {
        "none": ["-", "10.0", "-", "5.0"],
        "slab + sphere": ["10.0", "70.0", "1.0", "15.0"],
        "trim": ["18.0", "100.0", "3.0", "25.0"],
    }


def test_without_defences_nothing_is_said_of_them(tmp_path: Path) -> None:
    study = make_study(tmp_path, ALPHAS)
    assert defence_group(study) is None
    assert defence_tables(study) == []


def test_where_nothing_is_undefended_or_clean_there_is_nothing_to_compare(tmp_path: Path) -> None:
    text = FLIPS.replace("  runs: 2", "  runs: 2\n  defence: [{name: trim}]").replace("[0, 0.2, 0.4]", "[0.2, 0.4]")
    study = make_study(tmp_path, text, told)
    assert defence_group(study) is None
    (table,) = defence_tables(study)
    assert {row[4:] for row in table.rows} == {("-", "100.0 ± 0.0", "-", "-")}
