"""`pgan-ray best` on the rows that are kept of a sweep that we ship."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pgan_ray import open_sweep
from pgan_ray.cli.main import group, main
from pgan_ray.results import answer

KEPT = Path(__file__).parents[2] / "sweeps/results/mnist_alpha-paper"


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The command's exit code."""
    monkeypatch.setattr(sys, "argv", ["pgan-ray", "best", *arguments])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_attacks_are_ranked_and_the_first_is_said_to_be_chosen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, str(KEPT)) == 0
    shown, told = capsys.readouterr()
    assert "alpha=0.1" in shown
    assert "-4.5 ± 0.4" in shown
    assert "best of 5" in told
    assert call(monkeypatch, str(KEPT), "--json", "--by", "error") == 0
    first, *_ = json.loads(capsys.readouterr().out)
    assert (first["configuration"], first["control"]) == ("alpha=0.1", "removal")
    assert call(monkeypatch, str(KEPT), "--tails", "both") == 0
    assert "no attack stays under the budget of 1 point\n" in capsys.readouterr().err


def test_no_name_is_cut_in_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as rich takes it: a terminal
    monkeypatch.setenv("COLUMNS", "80")
    assert call(monkeypatch, str(KEPT.with_name("mnist_label_flip-quick"))) == 0
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert all(len(line) == 80 for line in shown.splitlines() if line.startswith("│"))
    assert CliRunner().invoke(group, ["list", str(KEPT.parent)]).output.count("…") == 0


def test_it_says_the_budget_and_how_many_replicates_the_intervals_are_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, str(KEPT), "--detection-budget", "0.02") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "mean ± 95 % interval over 5 replicates" in shown
    assert " under the budget of 2 points " in shown


def test_where_nothing_detects_that_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, str(KEPT.with_name("synthetic-quick"))) == 0
    assert capsys.readouterr().out.count("nothing detects") == 4


def test_sections_of_a_grid_are_named_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, str(KEPT.with_name("mnist_pairs-quick"))) == 0
    shown = capsys.readouterr().out
    assert all(f" task={pair} " in shown for pair in ("3 as 5", "4 as 9", "1 as 7"))


def test_a_search_is_ranked_by_what_it_looks_for_as_in_its_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    front = str(KEPT.with_name("mnist_front-quick"))  # of the rejections by both tails
    result = open_sweep(front)
    assert call(monkeypatch, front) == 0
    shown, told = capsys.readouterr()
    assert "poison rejected beyond genuine, by both tails" in shown
    assert "no attack stays under the budget of 1 point\n" in told
    assert answer(result.record.sweep, result.points, result.changes).startswith(
        "On average, by both tails of their scores, the detectors see every attack"
    )
    assert "no, not sure" in shown
    assert call(monkeypatch, front, "--tails", "sweep", "--json") == 0
    asked = json.loads(capsys.readouterr().out)
    assert [one["excess"]["mean"] for one in asked] == [
        one.excess.mean for one in result.ranking(0.01, tails="sweep") if one.excess is not None
    ]


def test_what_is_left_out_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    copied = tmp_path / "copy"
    shutil.copytree(KEPT, copied)
    (file,) = (copied / "victims" / "alpha=0.1").iterdir()
    file.write_bytes(file.read_bytes()[:1000])
    assert call(monkeypatch, str(copied)) == 0
    shown, told = capsys.readouterr()
    assert "alpha=0.1" not in shown
    assert f"left out: {file}: " in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--detection-budget", "nan"], "must be a number, got nan"),
        (["--detection-budget", "2"], "not in the range"),
        (["--poison-fraction", "0.33"], "error: the poison fraction must be one that has victims (0.05, 0.1,"),
    ],
)
def test_a_users_mistake_is_one_error_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert call(monkeypatch, str(KEPT), *arguments) == 2
    assert message in capsys.readouterr().err
