"""``pgan-ray report`` as a user calls it."""

import subprocess
import sys
from pathlib import Path

import pytest

from pgan_ray.results import Store
from tests.cli.here import call_here
from tests.report.report_sweep import make_store
from tests.s3_server import S3Server


@pytest.fixture(autouse=True)
def _there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_it_writes_beside_the_sweep_or_where_it_is_told(tmp_path: Path) -> None:
    make_store(tmp_path / "sweep")
    command = [sys.executable, "-m", "pgan_ray", "report", "sweep"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == str(tmp_path / "sweep/report/index.html")
    assert Path(ended.stdout.strip()).read_text(encoding="utf-8").startswith("<!doctype html>")
    ended = call_here("report", "sweep", "--out", "elsewhere", "--price-per-actor-hour", "1.5")
    assert ended.returncode == 0, ended.stderr
    assert "Price: 1.5 per actor hour." in (tmp_path / "elsewhere/index.html").read_text(encoding="utf-8")


def test_several_sweeps_go_side_by_side(tmp_path: Path) -> None:
    make_store(tmp_path / "a", sweep_id="a")
    make_store(tmp_path / "b", sweep_id="b", replicates=2)
    ended = call_here("report", "a", "b")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == str(tmp_path / "comparison/index.html")
    assert "B − A" in Path(ended.stdout.strip()).read_text(encoding="utf-8")


def test_where_it_is_on_s3(s3: str, s3_server: S3Server, tmp_path: Path) -> None:
    """A location with a question keeps it at its end."""
    make_store(tmp_path / "sweep", replicates=0)
    options = s3_server.options
    ended = call_here("report", "sweep", "--out", f"{s3}/out{options}")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == f"{s3}/out/index.html{options}"
    assert Store(f"{s3}/out").exists("index.html")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "must be the directory of a sweep"),
        (["file"], "must be the directory of a sweep"),
        (["sweep", "--out", "file/out"], "must be a place that can be written to"),
        (["sweep", "--price-per-actor-hour", "-1"], "-1"),
        (["sweep", "nowhere"], "must be the directory of a sweep"),
        (["sweep", "sweep", "--out", "new/out"], "must be another sweep than"),
        (["sweep", "sweep", "--price-per-actor-hour", "1"], "--price-per-actor-hour must go with one DIR"),
    ],
)
def test_a_users_mistake_is_one_error_and_exit_code_2(tmp_path: Path, arguments: list[str], message: str) -> None:
    make_store(tmp_path / "sweep", replicates=0)
    (tmp_path / "file").write_text("x")
    ended = call_here("report", *arguments)
    assert ended.returncode == 2, ended.stderr
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "sweep"]
