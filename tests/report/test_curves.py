"""Which curves are drawn, and of which numbers."""

from pathlib import Path

import pytest

from pgan_ray.figures.charts import LineFigure
from pgan_ray.figures.palette import ATTACKS, CLEAN, alpha_colour
from pgan_ray.report.curves import MAX_LINES, curve_groups, top
from pgan_ray.results import estimate
from pgan_ray.study.study import Study
from tests.report.report_sweep import ALPHAS, DETECTION, FLIPS, LAMBDAS, SIZES, TEN, harm, make_study


def figures(study: Study) -> dict[str, LineFigure]:
    return {f.name: f for group in curve_groups(study) for f in group.figures if isinstance(f, LineFigure)}


def test_error_against_poison_by_alpha(tmp_path: Path) -> None:
    study = make_study(tmp_path)
    drawn = figures(study)
    figure = drawn["error_by_poison"]
    assert [(line.label, line.colour) for line in figure.lines] == [
        (f"α {alpha:g}", alpha_colour(alpha)) for alpha in (0.1, 0.5, 0.9)
    ]
    line = figure.lines[0]
    assert line.x == (0, 20, 40)
    settings = study.series[0].settings
    (configuration,) = (c for c in study.record.sweep.configurations if c.id == "alpha=0.1")
    values = [
        [harm(settings, c)["test_error"] for c in configuration.cells(r) if c.poison_fraction == 0.4] for r in range(3)
    ]
    wanted = estimate(values)
    assert wanted.half_width is not None
    assert (line.y[2], line.half[2]) == pytest.approx((100 * wanted.mean, 100 * wanted.half_width))
    assert drawn["source_as_poison_by_poison"].title == "3 taken for 5"
    assert drawn["poison_as_source_by_poison"].title == "5 taken for 3"
    assert all(figure.y_max >= max(y for line in figure.lines for y in line.y) for figure in drawn.values())


def test_clean_and_poisoned_against_alpha(tmp_path: Path) -> None:
    figure = figures(make_study(tmp_path))["error_by_alpha"]
    assert [(line.label, line.x) for line in figure.lines] == [
        ("clean", (0.1, 0.5, 0.9)), ("20 % poison", (0.1, 0.5, 0.9)), ("40 % poison", (0.1, 0.5, 0.9))
    ]  # fmt: skip
    assert figure.lines[0].colour == CLEAN
    assert list(figure.lines[2].y) == sorted(figure.lines[2].y, reverse=True)


def test_an_axis_takes_the_place_of_two_poison_fractions(tmp_path: Path) -> None:
    drawn = figures(make_study(tmp_path, LAMBDAS))
    assert sorted(drawn) == [f"{rate}_by_lambda_prior" for rate in ("error", "poison_as_source", "source_as_poison")]
    assert drawn["error_by_lambda_prior"].lines[1].x == (0.1, 0.5, 0.9, 1)


def test_training_points_are_an_axis(tmp_path: Path) -> None:
    figure = figures(make_study(tmp_path, SIZES))["error_by_train_per_class"]
    assert figure.x_label == "victim's training points"
    assert figure.lines[0].x == (1000, 2000, 4000)


def test_baselines_beside_pgan(tmp_path: Path) -> None:
    lines = figures(make_study(tmp_path, FLIPS))["error_by_poison"].lines
    assert [(line.label, line.colour) for line in lines] == [
        ("pGAN α 0.1", alpha_colour(0.1)), ("nearest label flip", ATTACKS["nearest_label_flip"])
    ]  # fmt: skip


def test_many_series_are_small_multiples_with_one_scale(tmp_path: Path) -> None:
    text = ALPHAS.replace("lambda_prior: 0.9", "lambda_prior: {grid: [0.1, 0.5, 0.7, 0.9]}").replace(
        "replicates: 3", "replicates: 2"
    )
    drawn = [f for name, f in figures(make_study(tmp_path, text)).items() if name.startswith("error_by_poison")]
    assert len(drawn) == 4  # by lambda_prior, which has most values
    assert [f.title for f in drawn][:2] == ["Test error: λ′ 0.1", "Test error: λ′ 0.5"]
    assert [line.label for line in drawn[0].lines] == ["α 0.1", "α 0.5", "α 0.9"]
    assert len({f.y_max for f in drawn}) == 1
    assert all(len(f.lines) <= MAX_LINES for f in drawn)


def test_one_axis_with_many_values_is_cut_into_parts(tmp_path: Path) -> None:
    alphas = ", ".join(str(i / 10) for i in range(11))
    text = ALPHAS.replace("0.1, 0.5, 0.9", alphas).replace("replicates: 3", "replicates: 1")
    drawn = figures(make_study(tmp_path, text))
    assert [len(drawn[f"error_by_poison_{i}"].lines) for i in (1, 2)] == [8, 3]
    assert drawn["error_by_alpha"].lines[0].half == (None,) * 11


def test_ten_classes_show_all_errors_beside_the_targeted_one(tmp_path: Path) -> None:
    drawn = figures(make_study(tmp_path, TEN))
    assert list(drawn) == ["targeted_error"]
    assert [line.label for line in drawn["targeted_error"].lines] == ["3 taken for 5", "all errors"]
    assert drawn["targeted_error"].lines[0].x == (0, 2, 4)


def test_no_victims_no_curves(tmp_path: Path) -> None:
    assert figures(make_study(tmp_path, DETECTION)) == {}


def test_intervals_that_dwarf_the_means_do_not_flatten_the_curves(tmp_path: Path) -> None:
    lines = figures(make_study(tmp_path, replicates=2))["error_by_poison"].lines
    assert top(lines) <= 2.2 * max(y for line in lines for y in line.y)
