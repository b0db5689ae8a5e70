"""What may be done with a sweep's directory, and what is refused."""

import json
import shutil
import threading
import time
from pathlib import Path

import mlflow
import pytest

from tests.cli.here import call_here
from tests.tiny import write_tiny

FEW = ("--set", "attack.iterations=10")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a finished sweep is, that MLflow has not heard of."""
    folder = tmp_path_factory.mktemp("home")
    write_tiny(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("RAY_ADDRESS", "MLFLOW_TRACKING_URI", "PGAN_RAY_DATA"):
            patch.delenv(name, raising=False)
        patch.chdir(folder)
        ended = call_here("sweep", "tiny.yaml", "--out", "out", "--offline-tracking", "--executor", "local", *FEW)
    assert ended.returncode == 0, ended.stderr
    assert "pgan-ray track" in ended.stderr
    return folder


@pytest.fixture(autouse=True)
def _there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_ADDRESS", "MLFLOW_TRACKING_URI", "PGAN_RAY_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(home)


def test_without_mlflow_everything_is_in_the_directory_and_track_brings_it(home: Path) -> None:
    assert not (home / "mlflow.db").exists()
    assert json.loads((home / "out/summary.json").read_text())["outcome"] == "complete"
    assert not (home / "out/driver.json").exists()
    assert not (home / "out/tune").exists()
    tracked = call_here("track", "out")
    assert tracked.returncode == 0, tracked.stderr
    client = mlflow.MlflowClient(f"sqlite:///{home}/mlflow.db")
    experiment = client.get_experiment_by_name("pgan-ray")
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert len(runs) == 1 + 2 + 4
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    sweep = next(run for name, run in runs.items() if name.startswith("tiny-paper-"))
    report = {file.path for file in client.list_artifacts(sweep.info.run_id, "report")}
    assert "report/index.html" in report
    table = json.loads(Path(client.download_artifacts(sweep.info.run_id, "confusion_table.json")).read_text())
    assert table["columns"][-2:] == ["as_3", "as_5"]
    assert all(abs(sum(row[-2:]) - 1) < 1e-9 for row in table["data"])


def test_an_edited_sweep_is_not_resumed(home: Path) -> None:
    file = home / "out/sweep.yaml"
    before = file.read_text()
    try:
        file.write_text(before.replace("runs: 2", "runs: 3"))
        ended = call_here("resume", "out")
        assert ended.returncode == 2
        assert "got an edited one" in ended.stderr
        assert "--out DIR" in ended.stderr
        assert len(ended.stderr.splitlines()) == 1
    finally:
        file.write_text(before)
    assert call_here("sweep", "out/sweep.yaml", "--dry-run", "--set", "evaluation.runs=3").returncode == 0


def test_a_new_sweep_touches_nothing_of_somebody_elses(home: Path) -> None:
    for name in ("mine/tune/notes.txt", "mine/summary.json", "mine/report/index.html"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(name)
    refused = call_here("sweep", "tiny.yaml", "--profile", "paper", "--out", "mine", "--offline-tracking")
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    assert "mine: must be empty, got" in refused.stderr
    there = sorted(str(file.relative_to(home)) for file in (home / "mine").rglob("*") if file.is_file())
    assert there == ["mine/report/index.html", "mine/summary.json", "mine/tune/notes.txt"]
    assert all((home / name).read_text() == name for name in there)


def test_a_sweep_without_its_file_is_not_taken_for_a_new_one(home: Path) -> None:
    shutil.copytree(home / "out", home / "left")
    (home / "left/sweep.yaml").unlink()
    arguments = ("--profile", "paper", "--set", "evaluation.runs=1", "--offline-tracking")
    refused = call_here("sweep", "tiny.yaml", "--out", "left", *arguments)
    assert refused.returncode == 2
    assert "of a sweep whose sweep.yaml is gone" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_a_second_driver_is_refused(home: Path) -> None:
    file = home / "out/driver.json"
    ended = threading.Event()

    def work() -> None:
        beat = 0
        while not ended.wait(0.2):
            beat += 1
            beside = file.with_name("driver.partial")
            beside.write_text(json.dumps({"token": "other", "beat": beat, "host": "elsewhere", "pid": 7}))
            beside.replace(file)

    thread = threading.Thread(target=work)
    thread.start()
    while not file.exists():
        time.sleep(0.01)
    try:
        refused = call_here("resume", "out", "--offline-tracking", "--executor", "local")
    finally:
        ended.set()
        thread.join()
        file.unlink()
    assert refused.returncode == 2
    assert "must be run by one driver at a time, got process 7 on elsewhere" in refused.stderr
    assert "Traceback" not in refused.stderr
