"""Means and intervals, against numbers worked out by hand."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pgan_ray.results import RATES, VICTIMS, Estimate, Point, estimate, estimate_text, result_points, summarise
from tests.searches import small_search
from tests.tiny import tiny_sweep

from .rows import diverged, row

# Student's t, two-sided 95 %, from a printed table.
T_1, T_2, T_4 = 12.706, 4.303, 2.776


def table(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=VICTIMS)


@pytest.mark.parametrize(
    ("groups", "mean", "half_width", "cells"),
    [
        ([[0.0], [2.0]], 1.0, T_1 * 2**0.5 / 2**0.5, 2),
        ([[1.0], [2.0], [3.0]], 2.0, T_2 * 1 / 3**0.5, 3),
        ([[0.1], [0.1], [0.2], [0.3], [0.3]], 0.2, T_4 * 0.1 / 5**0.5, 5),
        ([[0.5], [0.5], [0.5]], 0.5, 0.0, 3),
        # The runs of a replicate count as one: means 1, 2, 3, however many runs each has.
        ([[0.0, 2.0], [2.0], [2.0, 3.0, 4.0]], 2.0, T_2 * 1 / 3**0.5, 6),
    ],
)
def test_estimate(groups: list[list[float]], mean: float, half_width: float, cells: int) -> None:
    found = estimate(groups)
    assert found.mean == pytest.approx(mean)
    assert found.half_width == pytest.approx(half_width, rel=1e-3, abs=1e-12)
    assert (found.replicates, found.cells) == (len(groups), cells)


def test_one_replicate_has_no_interval() -> None:
    assert estimate([[0.1, 0.3]]) == Estimate(0.2, None, 1, 2)


def test_an_estimate_is_told_in_per_cent_and_nothing_is_minus_nothing() -> None:
    assert estimate_text(Estimate(0.0681, 0.012, 3, 9), 5) == "6.8 ± 1.2 (3 of 5)"
    assert estimate_text(Estimate(-0.0004, 0.1, 5, 5), 5) == "0.0 ± 10.0"
    assert estimate_text(None) == "-"


def test_points_are_by_configuration_variant_and_fraction() -> None:
    points = summarise(
        table(
            row("b=1/r0/f0.2/run0", test_error=0.5),
            row("a=1/r0/f0.4/run0", test_error=0.4),
            row("a=1/r0/f0.2/run0", test_error=0.1, variant="v=1"),
            row("a=1/r0/f0.2/run1", test_error=0.3),
            row("a=1/r1/f0.2/run0", test_error=0.5),
            row("a=1/r0/f0.2/run0", test_error=0.1),
        )
    )
    assert [(p.configuration, p.variant, p.poison_fraction) for p in points] == [
        ("a=1", "", 0.2),
        ("a=1", "", 0.4),
        ("a=1", "v=1", 0.2),
        ("b=1", "", 0.2),
    ]
    first = points[0].rates["test_error"]
    # Replicates 0 and 1 have means 0.2 and 0.5.
    assert first.mean == pytest.approx(0.35)
    assert first.half_width == pytest.approx(T_1 * 0.15, rel=1e-3)
    assert (first.replicates, first.cells) == (2, 3)
    assert points[1].rates["test_error"] == Estimate(0.4, None, 1, 1)
    assert set(points[0].rates) == set(RATES)


def test_what_is_shown_are_results_in_the_order_of_the_sweeps_file(tmp_path: Path) -> None:
    sweep = tiny_sweep(
        tmp_path, "attack.alpha={grid: [0.9, 0.05]}", "evaluation.victim.name={grid: [mlp, logistic, linear_svm]}"
    )
    keys = [(one.id, variant.id, f) for one in sweep.configurations for variant in one.variants for f in (0.0, 0.4)]
    found = result_points(sweep, [Point(*key, {}) for key in sorted(keys)])
    assert [(one.configuration, one.variant, one.poison_fraction) for one in found] == keys
    assert keys != sorted(keys)
    search = small_search()
    of_search = [Point(one.id, one.variants[0].id, 0.4, {}) for one in search.configurations]
    assert {one.configuration for one in result_points(search, of_search)} == search.result_ids


def test_cells_without_a_score_are_left_out() -> None:
    points = summarise(
        table(
            row("a=1/r0/f0.2/run0", test_error=0.1),
            diverged("a=1/r0/f0.2/run1"),
            diverged("a=1/r1/f0.2/run0") | {"outcome": "failed"},
            diverged("a=1/r0/f0.4/run0"),
        )
    )
    assert [(p.poison_fraction, p.rates["test_error"]) for p in points] == [(0.2, Estimate(0.1, None, 1, 1))]
    assert points[0].rates["rejected_genuine"].cells == 1


def test_a_rate_that_no_cell_has_is_absent() -> None:
    (point,) = summarise(table(row("a=1/r0/f0/run0", rejected_poison=None)))
    assert set(point.rates) == set(RATES) - {"rejected_poison"}


def test_no_rows_no_points() -> None:
    assert summarise(VICTIMS.empty_table()) == []


def test_the_order_of_rows_does_not_matter() -> None:
    rows = [row(f"a=1/r{r}/f0.2/run{i}", test_error=0.1 * r + 0.013 * i) for r in range(3) for i in range(4)]
    assert summarise(table(*rows)) == summarise(table(*reversed(rows)))
