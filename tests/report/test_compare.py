"""Sweeps side by side: which series match, how differences are taken, and what cannot be compared."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from pgan_ray import open_sweep
from pgan_ray.errors import SpecError
from pgan_ray.figures.charts import PointFigure
from pgan_ray.report import write_comparison
from pgan_ray.report.compare_page import comparison_groups, comparison_page, difference_tables
from pgan_ray.results import Store
from pgan_ray.spec import Cell, Settings
from pgan_ray.study.compare import Comparison, Match, Measure, compare
from pgan_ray.study.study import load_study
from pgan_ray.study.verdicts import findings
from tests.report.html_page import Page
from tests.report.report_sweep import ALPHAS, FLIPS, TEN, harm, make_store

ONE_ALPHA = ALPHAS.replace("{grid: [0.1, 0.5, 0.9]}", "0.5").replace("iterations: 50", "iterations: 80")
DIGITS = ALPHAS.replace("name: mnist}", "name: digits}")
VICTIMS = ONE_ALPHA + "  victim: {name: {grid: [mlp, logistic]}}\n"
ERROR = Measure("test_error")


def more_harm(settings: Settings, cell: Cell) -> dict[str, Any]:
    """A point of error more than `harm`, and a little of a generator's own."""
    found = harm(settings, cell)
    return found | {"test_error": found["test_error"] + 0.01 + 0.002 * cell.replicate**2}


def compared(folder: Path, *texts: str, scores: Any = harm) -> Comparison:
    stores = [
        make_store(folder / str(index), text, scores if index else harm, sweep_id=f"sweep-{index}")
        for index, text in enumerate(texts)
    ]
    return compare([load_study(store) for store in stores])


def test_series_match_that_differ_in_nothing_their_sweeps_vary(tmp_path: Path) -> None:
    found = compared(tmp_path, ALPHAS, ONE_ALPHA)
    (match,) = found.matches
    assert match.label == "pGAN α 0.5"
    assert {letter: one.configuration for letter, one in match.series.items()} == {"A": "alpha=0.5", "B": "base"}
    assert [(letter, one.label) for letter, one in found.alone] == [("A", "α 0.1"), ("A", "α 0.9")]
    assert found.settings() == [("attack.iterations", "50", "80")]


def test_what_either_sweep_varies_counts(tmp_path: Path) -> None:
    (match,) = compared(tmp_path, ALPHAS, VICTIMS).matches
    assert match.label == "α 0.5, mlp"


def test_three_sweeps_of_which_two_have_a_series(tmp_path: Path) -> None:
    found = compared(tmp_path, ALPHAS, FLIPS, ONE_ALPHA)
    assert [(match.label, list(match.series)) for match in found.matches] == [
        ("pGAN α 0.1", ["A", "B"]),
        ("pGAN α 0.5", ["A", "C"]),
    ]


def means(found: Comparison, letter: str, match: Match, fraction: float) -> list[float]:
    values = found.studies[letter].values(match.series[letter], fraction, "test_error")
    return [float(np.mean([value for (r, _), value in values.items() if r == replicate])) for replicate in range(3)]


def test_with_the_same_splits_differences_are_taken_within_pairs(tmp_path: Path) -> None:
    found = compared(tmp_path, ALPHAS, ONE_ALPHA, scores=more_harm)
    (match,) = found.matches
    difference = found.difference("B", match, 0.4, ERROR)
    assert difference is not None
    assert difference.mean == pytest.approx(0.01 + 0.002 * 5 / 3)
    pairs = np.subtract(means(found, "B", match, 0.4), means(found, "A", match, 0.4))
    low, high = stats.t.interval(0.95, 2, pairs.mean(), stats.sem(pairs))
    assert difference.half_width == pytest.approx((high - low) / 2)


def test_with_other_splits_the_interval_is_welchs(tmp_path: Path) -> None:
    found = compared(tmp_path, ALPHAS, f"seed: 1\n{ONE_ALPHA}", scores=more_harm)
    (match,) = found.matches
    difference = found.difference("B", match, 0.4, ERROR)
    assert difference is not None
    welch = stats.ttest_ind(means(found, "B", match, 0.4), means(found, "A", match, 0.4), equal_var=False)
    low, high = welch.confidence_interval()
    assert (difference.mean, difference.half_width) == pytest.approx(((low + high) / 2, (high - low) / 2))


def test_a_control_counts_on_both_sides(tmp_path: Path) -> None:
    def scores(settings: Settings, cell: Cell) -> dict[str, Any]:
        return harm(settings, cell) | {"false_positive_rate": 0.3 if cell.poison_fraction else 0.1}

    found = compared(tmp_path, ALPHAS, ONE_ALPHA, scores=scores)
    (match,) = found.matches
    measure = Measure("false_positive_rate", "none")
    own, less = (found.value(letter, match, 0.4, measure) for letter in "BA")
    difference = found.difference("B", match, 0.4, measure)
    assert own is not None
    assert less is not None
    assert difference is not None
    assert own.mean == pytest.approx(0.2)
    assert difference.mean == pytest.approx(0.2 - less.mean)
    assert found.value("A", match, 0.4, Measure("false_positive_rate", "removal")) is None


def test_the_page(tmp_path: Path) -> None:
    stores = [make_store(tmp_path / "a", sweep_id="one"), make_store(tmp_path / "b", ONE_ALPHA, more_harm, "another")]
    stores[1].write("victims/base/r9.parquet", b"none")
    said: list[str] = []
    names = write_comparison(stores, Store(tmp_path / "out"), left_out=said.append)
    assert sorted(names) == Store(tmp_path / "out").names("")
    assert len(said) == 1
    assert said[0].startswith(f"{tmp_path}/b: victims/base/r9.parquet: ")
    page = Page((tmp_path / "out/index.html").read_text(encoding="utf-8"))
    assert page.loads == []
    assert len(set(page.ids)) == len(page.ids)
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    for part in ("A is one", "B is another", "B: unreadable: victims/base/r9.parquet", "attack.iterations"):
        assert part in page.text, part
    assert "Test error: pGAN α 0.5. test error, %, against poison" in page.pictures[0]
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out/differences.csv").read_text())))
    clean = next(row for row in rows if (row["sweep"], row["measure"], row["poison_fraction"]) == _CLEAN)
    assert float(clean["difference_low"]) < float(clean["difference"]) == pytest.approx(0.01 + 0.002 * 5 / 3)
    table = list(csv.reader(io.StringIO((tmp_path / "out/table_differences_error.csv").read_text())))
    assert table[0] == ["series", "poison", "A", "B", "B − A"]
    assert [row[1] for row in table[1:]] == ["0 %", "40 %"]
    one, another = (open_sweep(tmp_path / name) for name in "ab")
    (tmp_path / "out/index.html").unlink()
    assert one.report(tmp_path / "out", beside=[another]) == f"{tmp_path}/out/index.html"  # over the last one
    assert Store(tmp_path / "out").names("") == sorted(names)


_CLEAN = ("another", "test_error", "0.0")


@pytest.mark.parametrize(("replicates", "is_clear"), [(3, True), (2, False)])
def test_a_clear_difference_is_marked_and_two_replicates_make_none(
    tmp_path: Path, replicates: int, is_clear: bool
) -> None:
    def much(settings: Settings, cell: Cell) -> dict[str, Any]:
        return harm(settings, cell) | {"test_error": 0.5 + 0.001 * cell.replicate**2}

    texts = [text.replace("replicates: 3", f"replicates: {replicates}") for text in (ALPHAS, ONE_ALPHA)]
    table = difference_tables(compared(tmp_path, *texts, scores=much))[0]
    assert table.columns == ("series", "poison", "A", "B", "B − A")
    assert [row[-1].endswith(" ▲") for row in table.rows] == [is_clear] * 2


def test_differences_from_a_control_are_in_points(tmp_path: Path) -> None:
    titles = {table.name: table.title for table in difference_tables(compared(tmp_path, ALPHAS, ONE_ALPHA))}
    assert titles["differences_error"] == "Test error, %, and differences in points"
    beyond = [title for name, title in titles.items() if name.startswith("differences_beyond_")]
    assert beyond
    assert all(title.endswith(", points, and their differences") for title in beyond)


def page_on(found: Comparison) -> str:
    claims = {letter: findings(study) for letter, study in found.studies.items()}
    return Page(comparison_page(found, [], claims, difference_tables(found)).decode()).text


def test_sweeps_without_a_series_in_common_stand_side_by_side(tmp_path: Path) -> None:
    found = compared(tmp_path, ALPHAS.replace("0.5, 0.9", "0.7"), ONE_ALPHA)
    text = page_on(found)
    assert "The sweeps have no series in common" in text
    assert "A: α 0.1; A: α 0.7; B: pGAN α 0.5" in text
    (group,) = comparison_groups(found)
    assert [
        points.names for figure in group.figures if isinstance(figure, PointFigure) for points in figure.groups
    ] == [
        ("α 0.1", "α 0.7"),
        ("pGAN α 0.5",),
    ]


def test_a_sweep_that_has_no_results_yet(tmp_path: Path) -> None:
    stores = [make_store(tmp_path / "a", sweep_id="a"), make_store(tmp_path / "b", sweep_id="b", replicates=0)]
    found = compare([load_study(store) for store in stores])
    assert "no results yet" in page_on(found)
    assert difference_tables(found)[0].rows[0][2:] == ("2.6 ± 0.2", "-", "-")


@pytest.mark.parametrize(
    ("text", "sweep_id", "message"),
    [
        (ALPHAS, "sweep-0", r"/b: must be another sweep than .*/a, got the same, sweep-0"),
        (TEN, "sweep-1", r"/b: must have classes in common with .*/a \(3 as 5 of 3, 5\), got 3 as 5 of 0, 1, 2"),
        (DIGITS, "sweep-1", r"/b: must have data set in common with .*/a \(mnist\), got digits"),
    ],
)
def test_what_cannot_be_compared(tmp_path: Path, text: str, sweep_id: str, message: str) -> None:
    stores = [make_store(tmp_path / "a", sweep_id="sweep-0"), make_store(tmp_path / "b", text, sweep_id=sweep_id)]
    with pytest.raises(SpecError, match=message):
        write_comparison(stores, Store(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
