"""How the end of a sweep is printed."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from pgan_ray.cli.ending import listed
from pgan_ray.cli.main import group
from tests.tiny import TINY


def test_what_happens_hundreds_of_times_fills_no_screen() -> None:
    victims = [f"victim a/r0/f0/run{run}" for run in range(1200)]
    assert [*listed("diverged", victims, 2)] == [
        "diverged: victim a/r0/f0/run0",
        "diverged: victim a/r0/f0/run1",
        "diverged: 1,198 more, which summary.json lists",
    ]
    assert [*listed("diverged", victims[:2], 2)] == [f"diverged: {victim}" for victim in victims[:2]]


def test_of_many_curves_the_strongest_attacks_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(yaml.safe_dump(TINY), encoding="utf-8")
    arguments = ("sweep", str(file), "--executor", "local", "--offline-tracking", "--out")
    few = CliRunner().invoke(group, [*arguments, str(tmp_path / "few")])
    assert "test error in %" in few.output
    monkeypatch.setattr("pgan_ray.cli.ending.MOST_CURVES", 1)
    many = CliRunner().invoke(group, [*arguments, str(tmp_path / "many")])
    assert (few.exit_code, many.exit_code) == (0, 0)
    assert "test error in %" not in many.output
    assert "damage at 40 % poison" in many.output
    assert f"tables of 2 curves are in the report, and `pgan-ray best {tmp_path / 'many'}` ranks" in many.output
