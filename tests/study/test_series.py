"""What a sweep varies is read from its spec, never from its name."""

import re

import pytest

from pgan_ray.study.series import ALPHA, ATTACK, PERCENTILE, TRAIN, per_cent, series_of, taken_for
from tests.report.report_sweep import ALPHAS, DETECTION, FLIPS, SIZES, TEN, make_record

DETECTORS = "  detector: {grid: [{name: none}, {name: sphere}, {name: sphere, percentile: 0.9}]}"


@pytest.mark.parametrize(
    ("text", "paths", "labels"),
    [
        (ALPHAS, [ALPHA], ["α 0.1", "α 0.5", "α 0.9"]),
        (FLIPS, [ATTACK], ["pGAN α 0.1", "nearest label flip"]),
        (SIZES, [TRAIN], ["1,000 points", "2,000 points", "4,000 points"]),
        (DETECTION.replace("[0, 0.1, 0.9]", "[0.1]"), [PERCENTILE], ["percentile 0.9", "percentile 0.95"]),
        (TEN, [], ["pGAN α 0.1"]),
        (ALPHAS.replace("  runs: 2", "  victim: {name: {grid: [mlp, linear_svm]}}").replace("0.1, 0.5, 0.9", "0.1"),
         [("evaluation", "victim", "name")], ["mlp", "linear svm"]),
        (ALPHAS.replace("0.1, 0.5, 0.9", "0.1") + DETECTORS,
         [("evaluation", "detector")], ["none", "sphere (percentile=0.95)", "sphere (percentile=0.9)"]),
    ],
)  # fmt: skip
def test_axes_and_labels(text: str, paths: list[tuple[str, ...]], labels: list[str]) -> None:
    axes, series = series_of(make_record(text).sweep)
    assert [axis.path for axis in axes] == paths
    assert [one.label for one in series] == labels


def test_a_baseline_has_no_alpha_and_stands_on_no_axis_of_it() -> None:
    text = ALPHAS.replace("  alpha:", "  name: {grid: [pgan, random_label_flip]}\n  alpha:")
    axes, series = series_of(make_record(text).sweep)
    alpha = next(axis for axis in axes if axis.path == ALPHA)
    assert [one.alpha for one in series] == [0.1, 0.5, 0.9, None]
    assert [one.position(alpha) for one in series] == [0.1, 0.5, 0.9, None]
    assert [one.label for one in series] == ["pGAN, α 0.1", "pGAN, α 0.5", "pGAN, α 0.9", "random label flip"]


def test_a_control_is_told_from_the_attack_that_it_stands_beside() -> None:
    text = ALPHAS.replace("  runs: 2", "  victim: {epochs: {grid: [2, 3]}}").replace("0.1, 0.5, 0.9", "0.1")
    _, series = series_of(make_record(text.replace("controls: false", "controls: true")).sweep)
    assert [one.label for one in series] == [
        "epochs 2", "epochs 3", "removal (control), epochs 2", "removal (control), epochs 3"
    ]  # fmt: skip


def test_a_control_among_sections_of_attacks_is_named_once() -> None:
    pgan = "{name: pgan, alpha: 0.5, lambda_prior: 0.9, iterations: 5, replicates: 2}"
    sections = f"attack: {{grid: [{pgan}, {{name: random_label_flip, replicates: 2}}]}}"
    text = re.sub(r"attack:\n(  .*\n)+", f"{sections}\n", ALPHAS.replace("controls: false", "controls: true"))
    _, series = series_of(make_record(text).sweep)
    assert [one.label for one in series] == ["pGAN", "random label flip", "removal (control)"]


def test_training_points_are_counted_over_all_classes() -> None:
    axes, series = series_of(make_record(SIZES).sweep)
    assert [one.position(axes[0]) for one in series] == [1000, 2000, 4000]


def test_a_grid_of_seeds_is_not_a_curves_axis() -> None:
    axes, _ = series_of(make_record(ALPHAS + "seed: {grid: [0, 1]}\n").sweep)
    assert [(axis.path, axis.is_numeric) for axis in axes] == [(ALPHA, True), (("seed",), False)]


def test_a_series_holds_its_own_variants_evaluation() -> None:
    _, series = series_of(make_record(DETECTION).sweep)
    assert {one.settings.evaluation.detector.percentile for one in series} == {0.9, 0.95}
    assert len(series) == 6


def test_classes_have_their_names() -> None:
    text = ALPHAS.replace("mnist", "fashion-mnist").replace("[3, 5]", "[7, 9]").replace("class: 5", "class: 9")
    _, series = series_of(make_record(text.replace("class: 3", "class: 7")).sweep)
    assert taken_for(series[0].settings) == ("sneaker taken for ankle boot", "ankle boot taken for sneaker")
    assert [per_cent(fraction) for fraction in (0.4, 0.025, 0.07, 0)] == ["40 %", "2.5 %", "7 %", "0 %"]


def test_tasks_go_by_their_classes() -> None:
    pair = "{{classes: [{0}, {1}], poison_class: {1}, source_class: {0}}}"
    pairs = pair.format(3, 5), pair.format(1, 7)
    task = f"task: {{grid: [{', '.join(pairs)}]}}"
    text = ALPHAS.replace("{grid: [0.1, 0.5, 0.9]}", "0.1").replace(
        "task: {classes: [3, 5], poison_class: 5, source_class: 3}", task
    )
    _, series = series_of(make_record(text).sweep)
    assert [one.label for one in series] == ["3 as 5", "1 as 7"]


def test_null_is_a_value_like_any_other() -> None:
    text = FLIPS.replace("  alpha: 0.1", "  alpha: 0.1\n  pool: {grid: [null, 2000]}")
    _, series = series_of(make_record(text).sweep)
    assert [one.label for one in series] == [
        "pGAN α 0.1",
        "nearest label flip, no pool",
        "nearest label flip, pool 2000",
    ]
