"""The tables at the end of a sweep: their shares, and the order of their rows."""

from pathlib import Path

import pytest

from pgan_ray.cli.table import changes_table, error_table, rates_table, show
from pgan_ray.results import NONE, Change, Estimate, Point
from tests.tiny import tiny_sweep

ERROR = {"test_error": Estimate(0.1, None, 1, 1)}
RATES = {name: Estimate(0.1, None, 1, 1) for name in ("test_error", "false_positive_rate", "false_negative_rate")}


def test_a_share_is_written_with_all_its_digits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = tiny_sweep(tmp_path, "evaluation.poison_fractions=[0, 0.0125, 0.07, 0.125]")
    points = [Point("alpha=0.1", "", fraction, ERROR) for fraction in (0.0, 0.0125, 0.07, 0.125)]
    show(error_table(points, sweep))
    head = capsys.readouterr().out.splitlines()[2]
    assert all(f" {share} " in head for share in ("0%", "1.25%", "7%", "12.5%"))
    show(rates_table(points, sweep))
    change = Change("alpha=0.1", "", 0.125, NONE, {**RATES, "specificity": Estimate(0.0, None, 1, 1)})
    show(changes_table([change], sweep))
    assert capsys.readouterr().out.count(" 12.5 % poison") == 2


def test_the_poison_has_a_column_where_rows_differ_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = tiny_sweep(tmp_path)
    show(rates_table([Point("alpha=0.1", "", 0.2, ERROR), Point("alpha=0.9", "", 0.4, ERROR)], sweep))
    title, _, head, _, *rows, _ = capsys.readouterr().out.splitlines()
    assert title.strip() == "at the largest poison fraction, in %"
    assert " poison ┃" in head
    assert [row.split()[3] for row in rows] == ["20%", "40%"]


def test_nothing_is_cut_in_a_narrow_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as rich takes it: a terminal
    monkeypatch.setenv("COLUMNS", "80")
    sweep = tiny_sweep(tmp_path, "attack.lambda_prior={grid: [0.5, 0.75]}")
    wide = {**RATES, "specificity": ERROR["test_error"]}
    points = [Point(one.id, "", 0.4, wide) for one in sweep.configurations]
    curves = [Point(one.id, "", step / 10, ERROR) for one in sweep.configurations for step in range(10)]
    show(error_table(curves, sweep))
    show(rates_table(points, sweep))
    show(changes_table([Change(one.id, "", 0.4, NONE, wide) for one in sweep.configurations], sweep))
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert max(len(line) for line in shown.splitlines() if line.startswith("│")) <= 80
