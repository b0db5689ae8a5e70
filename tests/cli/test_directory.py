"""What may be done with a sweep's directory, and what is refused."""

import json
import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import mlflow
import pytest

from pgan_ray import open_sweep
from tests.cli.here import call_here
from tests.tiny import write_tiny
from tests.tracking.reading import within

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
    runs = {within(run): run for run in client.search_runs([experiment.experiment_id])}
    assert len(runs) == 1 + 2 + 4
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    sweep = next(run for name, run in runs.items() if name.startswith("tiny-body-"))
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
        assert "got an edited file" in ended.stderr
        assert "--out DIR" in ended.stderr
        assert len(ended.stderr.splitlines()) == 1
    finally:
        file.write_text(before)
    assert call_here("sweep", "out/sweep.yaml", "--dry-run", "--set", "evaluation.runs=3").returncode == 0


def test_a_new_sweep_touches_nothing_of_somebody_elses(home: Path) -> None:
    for name in ("mine/tune/notes.txt", "mine/summary.json", "mine/report/index.html"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(name)
    refused = call_here("sweep", "tiny.yaml", "--profile", "body", "--out", "mine", "--offline-tracking")
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    assert "mine: must be empty, got" in refused.stderr
    there = sorted(str(file.relative_to(home)) for file in (home / "mine").rglob("*") if file.is_file())
    assert there == ["mine/report/index.html", "mine/summary.json", "mine/tune/notes.txt"]
    assert all((home / name).read_text() == name for name in there)


def test_a_sweep_without_its_file_is_not_taken_for_a_new_one(home: Path) -> None:
    shutil.copytree(home / "out", home / "left")
    (home / "left/sweep.yaml").unlink()
    arguments = ("--profile", "body", "--set", "evaluation.runs=1", "--offline-tracking")
    refused = call_here("sweep", "tiny.yaml", "--out", "left", *arguments)
    assert refused.returncode == 2
    assert "of a sweep whose sweep.yaml is gone" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def without_seconds(folder: Path) -> list[dict[str, Any]]:
    rows = open_sweep(folder).rows().drop_columns(["seconds"]).to_pylist()
    return [row for row in rows if row]


def test_what_resume_says_of_damage_works(home: Path) -> None:
    """Refused before anything starts; what it says to delete is made again, and the results are the same."""
    shutil.copytree(home / "out", home / "damaged")
    before = without_seconds(home / "damaged")
    rows = sorted((home / "damaged/victims").rglob("*.parquet"))[0]
    rows.write_bytes(rows.read_bytes()[:100])
    poison = home / "damaged/generators/alpha=0.9/r1/poison.safetensors"
    poison.write_bytes(poison.read_bytes()[:-1])
    refused = call_here("resume", "damaged", "--offline-tracking", "--executor", "local")
    assert refused.returncode == 2
    lines = refused.stderr.splitlines()
    assert [line.split(": ")[1] for line in lines] == [str(poison), str(rows)]
    for line in lines:
        told = Path(line.rpartition("; delete ")[2].partition(", and ")[0])
        shutil.rmtree(told) if told.is_dir() else told.unlink()
    resumed = call_here("resume", "damaged", "--offline-tracking", "--executor", "local")
    assert resumed.returncode == 0, resumed.stderr
    assert without_seconds(home / "damaged") == before


def test_track_and_report_name_what_they_leave_out(home: Path) -> None:
    shutil.copytree(home / "out", home / "cut")
    weights = home / "cut/generators/alpha=0.9/r1/generator.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    rows = sorted((home / "cut/victims").rglob("*.parquet"))[0]
    rows.write_bytes(b"")
    uri = f"sqlite:///{home}/cut.db"
    tracked = call_here("track", "cut", "--tracking-uri", uri)
    assert tracked.returncode == 0, tracked.stderr
    said = [line for line in tracked.stderr.splitlines() if line.startswith("left out: ")]
    assert [line.split(": ")[1] for line in said] == [str(weights), str(rows)]
    client = mlflow.MlflowClient(uri)
    runs = client.search_runs([client.get_experiment_by_name("pgan-ray").experiment_id])
    assert "RUNNING" not in {run.info.status for run in runs}
    with_model = {within(run) for run in runs if run.outputs.model_outputs}
    assert with_model == {"alpha=0.1/r0", "alpha=0.1/r1", "alpha=0.9/r0"}
    reported = call_here("report", "cut")
    assert reported.returncode == 0, reported.stderr
    assert f"left out: {rows.relative_to(home / 'cut')}: " in reported.stderr


@pytest.mark.parametrize("command", ["resume", "track", "report", "ui"])
@pytest.mark.parametrize("kind", ["empty", "a list", "a pipe", "a folder", "a link", "a quoted id"])
def test_no_command_goes_on_from_an_odd_record(home: Path, command: str, kind: str, tmp_path: Path) -> None:
    shutil.copy(home / "out/sweep.yaml", tmp_path / "sweep.yaml")
    file = tmp_path / "sweep.yaml"
    text = file.read_text()
    file.unlink()
    if kind == "a pipe":
        os.mkfifo(file)
    elif kind == "a folder":
        file.mkdir()
    elif kind == "a link":
        file.symlink_to(home / "out/sweep.yaml")
    else:
        content = {"empty": "", "a list": "[]", "a quoted id": text.replace("sweep_id: tiny", "sweep_id: ti'ny")}
        file.write_text(content[kind])
    ended = call_here(command, str(tmp_path))
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert f"{tmp_path}/sweep.yaml" in ended.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["sweep.yaml"]


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
