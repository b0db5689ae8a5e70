"""What is printed of names and data that a stranger may have chosen."""

from dataclasses import replace
from pathlib import Path

import pytest

from pgan_ray.cli.say import say
from pgan_ray.cli.table import error_table, show
from pgan_ray.cli.terminal import LiveProgress, PlainProgress
from pgan_ray.results import Estimate, Point
from tests.tiny import tiny_sweep

NASTY = "alpha=[red]\x1b[2J\u202e"
SHOWN = "alpha=[red]\\x1b[2J\\u202e"


def test_lines_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    say(NASTY)
    PlainProgress().notice(NASTY)
    LiveProgress().notice(NASTY)
    out, err = capsys.readouterr()
    assert (out, err) == (f"{SHOWN}\n", 2 * f"{SHOWN}\n")


def test_tables_are_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = tiny_sweep(tmp_path)
    sweep = replace(sweep, configurations=(replace(sweep.configurations[0], id=NASTY),))
    show(error_table([Point(NASTY, "", 0.4, {"test_error": Estimate(0.1, None, 1, 1)})], sweep))
    out = capsys.readouterr().out
    assert SHOWN in out
    assert "\x1b" not in out
