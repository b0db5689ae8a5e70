"""`pgan-ray sweeps`, and shipped sweeps in a file's place: from a directory that holds nothing."""

import json
import sys
from pathlib import Path

import pytest

from pgan_ray.api import RunOptions, resolve_sweep
from pgan_ray.cli.main import main
from pgan_ray.spec import profile_names, shipped_sweeps


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_ADDRESS", "MLFLOW_TRACKING_URI", "PGAN_RAY_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The command's exit code."""
    monkeypatch.setattr(sys, "argv", ["pgan-ray", *arguments])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_the_shipped_sweeps_are_listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "sweeps", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["name"], one["profiles"], Path(one["file"])) for one in found] == [
        (name, profile_names(file), file) for name, file in shipped_sweeps().items()
    ]
    assert call(monkeypatch, "sweeps") == 0
    shown = capsys.readouterr().out
    for one in found:
        assert one["name"] in shown
        assert one["description"] in shown


@pytest.mark.parametrize(
    "command",
    [
        ("sweep", "synthetic", "--dry-run", "--profile", "quick"),
        ("plan", "mnist_alpha", "--device", "h100", "--gpus", "1", "--profile", "paper", "--json"),
    ],
    ids=lambda command: command[0],
)
def test_commands_take_their_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    assert call(monkeypatch, *command) == 0
    assert command[1] in capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    [
        ("sweep", "synthetical"),
        ("plan", "synthetical"),
        ("submit", "synthetical", "--address", "http://127.0.0.1:9", "--out", "s3://bucket/x"),
        ("bench", "--sweep", "synthetical"),
    ],
    ids=lambda command: command[0],
)
def test_an_unknown_name_is_a_fault_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    assert call(monkeypatch, *command) == 2
    assert "did you mean `synthetic`? shipped: fmnist_alpha, " in capsys.readouterr().err


def test_bench_needs_no_checkout(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Its default sweep is found, and so is what it lacks of the profile asked for."""
    assert call(monkeypatch, "bench", "--profile", "nothing") == 2
    assert (
        "mnist_alpha:profiles: the profile must be one of evening, paper, quick, quick-full, got 'nothing'"
        in capsys.readouterr().err
    )


def test_python_takes_their_names_too() -> None:
    resolved = resolve_sweep("synthetic", "quick", (), RunOptions(executor="local"), print)
    assert (resolved.name, resolved.profile, resolved.cells) == ("synthetic", "quick", 400)
