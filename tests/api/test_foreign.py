"""Results of somebody else's classes: read, drawn and tracked without their code, which only a run imports."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pgan_ray import open_sweep, run_sweep
from tests.tiny import TINY

LAB = """
from pathlib import Path
from sklearn.neighbors import KNeighborsClassifier
Path("imported").touch()

class Mine(KNeighborsClassifier):
    def __init__(self, scale=(1, 2)):
        super().__init__()
        self.scale = scale
"""
SWEEP = TINY | {
    "attack": {"name": "random_label_flip", "replicates": 1},
    "evaluation": TINY["evaluation"]
    | {  # type: ignore[operator]
        "poison_fractions": [0, 0.1],
        "victim": {"name": {"grid": ["lab_of_a_stranger:Mine", "none"]}},
    },
}


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of a finished sweep; the module is in the working directory, and is not imported any more."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    Path("lab_of_a_stranger.py").write_text(LAB)
    result = run_sweep(SWEEP, executor="local", out="out", offline_tracking=True, profile="body")
    assert result.outcome == "complete", result.rows()["message"].to_pylist()
    Path("imported").unlink(missing_ok=True)  # imported once in this process
    return result.directory


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The installed command, as it is called: Python itself does not search the working directory for it."""
    start = "import sys; sys.path = [p for p in sys.path if p]; from pgan_ray.cli.main import main; main()"
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        [sys.executable, "-c", start, *arguments],
        env=os.environ | {"PYTHONPATH": root, "MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_only_resume_runs_a_directorys_code(directory: str) -> None:
    for arguments in (["report", directory], ["track", directory]):
        done = command(*arguments)
        assert done.returncode == 0, done.stderr
        assert "left out" not in done.stderr
        assert not Path("imported").exists()
    done = command("resume", directory, "--executor", "local", "--offline-tracking")
    assert done.returncode == 0, done.stderr
    assert "running the code that its sweep.yaml names: lab_of_a_stranger:Mine" in done.stderr
    assert Path("imported").exists()


def test_results_are_read_where_the_class_is_not(directory: str) -> None:
    before = open_sweep(directory).rows()
    Path("lab_of_a_stranger.py").unlink()
    done = command("report", directory)
    assert done.returncode == 0, done.stderr
    assert "left out" not in done.stderr
    done = command("resume", directory)
    assert done.returncode == 2
    assert "must be a victim that can be imported, got 'lab_of_a_stranger:Mine'" in done.stderr
    assert open_sweep(directory).rows().equals(before)
    assert before.num_rows == 8
