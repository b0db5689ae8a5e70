"""Sweep files that are pipes, terminals that know few letters, numbers that are none."""

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pgan_ray.cli.main import main
from pgan_ray.cli.table import show
from tests.tiny import write_tiny


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The command in this process; its exit code."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(sys, "argv", ["pgan-ray", *arguments])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_a_sweep_file_that_is_a_pipe_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = write_tiny(tmp_path).read_text() + "\nprofiles:\n  quick: {attack: {replicates: 1}}\n"
    monkeypatch.chdir(tmp_path)
    for number, arguments in enumerate((["--profile", "auto"], ["--profile", "quick"])):
        pipe = tmp_path / f"pipe{number}"
        os.mkfifo(pipe)
        writer = threading.Thread(target=pipe.write_text, args=(text,), daemon=True)
        writer.start()
        assert call(monkeypatch, "sweep", str(pipe), "--dry-run", *arguments) == 0
        writer.join()
        assert "# profile quick, configurations 2, generators 2" in capsys.readouterr().out


@pytest.mark.parametrize("price", ["nan", "inf", "-1"])
@pytest.mark.parametrize(
    "arguments", [("report", "nowhere", "--price-per-actor-hour"), ("plan", "nowhere.yaml", "--price-per-hour")]
)
def test_a_price_is_a_number(
    arguments: tuple[str, ...], price: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, *arguments, price) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"Error: Invalid value for '{arguments[-1]}'")


def test_letters_that_a_terminal_does_not_know_are_spelt_out(tmp_path: Path) -> None:
    file = write_tiny(tmp_path)
    file.write_text(file.read_text() + "\ndescription: how λ matters\n")
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    command = [sys.executable, "-m", "pgan_ray", "sweep", str(file), "--dry-run"]
    ended = subprocess.run(command, capture_output=True, env=environment, cwd=tmp_path, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert rb"how \u03bb matters" in ended.stdout


def test_tables_are_shown_with_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.table import Table

    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    monkeypatch.setattr(sys, "argv", ["pgan-ray", "--version"])
    main()
    table = Table(title="test error in %, mean ± 95 % interval")
    table.add_column("configuration")
    table.add_row("3.0 ± 0.1")
    show(table)
    sys.stdout.flush()
    assert rb"3.0 \xb1 0.1" in written.getvalue()
    assert written.getvalue().isascii()
