"""The command as a user calls it: a process of its own, a real cluster, a real MLflow store."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import numpy as np
import pytest

from pgan_ray.results import Store, read_rows
from tests.cli.here import call_here
from tests.mlflow_server import MlflowServer
from tests.tiny import CELLS, write_tiny
from tests.tracking.reading import within

PGAN_RAY = [sys.executable, "-m", "pgan_ray"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with the tiny sweep in it, and no settings from outside."""
    for name in ("RAY_ADDRESS", "MLFLOW_TRACKING_URI", "PGAN_RAY_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    write_tiny(tmp_path)
    return tmp_path


def call(*arguments: str, **kwargs: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PGAN_RAY, *arguments], capture_output=True, text=True, timeout=240, **kwargs)  # type: ignore[call-overload,no-any-return]


def test_a_sweep_ends_with_a_table_rows_and_runs_in_mlflow(home: Path) -> None:
    ended = call("sweep", "tiny.yaml", "--out", "out")
    assert ended.returncode == 0, ended.stderr
    table = ended.stdout.splitlines()
    assert "40 % poison of alpha=" in table[0]
    assert "40%" in next(line for line in table if "configuration" in line)
    assert sum(line.startswith("│ alpha=") for line in table) == 6  # errors, rates, effects
    assert f"{CELLS}/{CELLS} victims" in ended.stderr
    assert "pgan-ray ui" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert json.loads(Path("out/summary.json").read_text())["outcome"] == "complete"

    client = mlflow.MlflowClient(f"sqlite:///{home}/mlflow.db")
    experiment = client.get_experiment_by_name("pgan-ray")
    runs = {within(run): run for run in client.search_runs([experiment.experiment_id])}
    assert len(runs) == 1 + 2 + 4
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    curve = client.get_metric_history(runs["alpha=0.1"].info.run_id, "victim/test_error")
    assert [point.step for point in curve] == [0, 20, 40]
    effect = client.get_metric_history(runs["alpha=0.1"].info.run_id, "over_none/false_positive_rate")
    assert [point.step for point in effect] == [20, 40]
    sweep = next(run for name, run in runs.items() if name.startswith("tiny-body-"))
    assert runs["alpha=0.1"].data.tags["mlflow.parentRunId"] == sweep.info.run_id

    again = call_here("sweep", "tiny.yaml", "--out", "out")
    assert again.returncode == 2
    assert "must not hold a sweep yet" in again.stderr


@pytest.mark.cluster
def test_ctrl_c_says_how_to_go_on_and_resume_does(home: Path, mlflow_server: MlflowServer) -> None:
    """Over HTTP: a resumed sweep goes on in the MLflow server that it began with, once the user has said so again."""
    process = subprocess.Popen(
        [
            *PGAN_RAY,
            *("sweep", "tiny.yaml", "--out", "out", "--set", "evaluation.victim.epochs=2000"),
            *("--tracking-uri", mlflow_server.uri),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 200
    while not any(Path("out").glob("victims/*/*/*.parquet")) and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to Ray's processes too
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "pgan-ray resume" in errors
    assert "Traceback" not in errors
    assert json.loads(Path("out/summary.json").read_text())["outcome"] == "interrupted"
    kept = {row["cell_id"]: row for row in read_rows(Store("out")).to_pylist()}
    assert kept

    assert f"pgan-ray resume {home}/out --tracking-uri {mlflow_server.uri}" in errors
    unsaid = call("resume", "out", "--json")
    assert unsaid.returncode == 2
    assert f"--tracking-uri {mlflow_server.uri} to go on there" in unsaid.stderr
    # By the other executor: the directory is all that both need.
    resumed = call_here("resume", "out", "--json", "--executor", "local", "--tracking-uri", mlflow_server.uri)
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["cells"] == {"planned": CELLS, "finished": CELLS}
    rows = {row["cell_id"]: row for row in read_rows(Store("out")).to_pylist()}
    assert {cell: rows[cell] for cell in kept} == kept, "seconds among them: none was made again"
    assert not Path("mlflow.db").exists()
    client = mlflow.MlflowClient(mlflow_server.uri)
    experiment = client.get_experiment_by_name("pgan-ray")
    sweep_id = json.loads(resumed.stdout)["sweep_id"]
    runs = client.search_runs([experiment.experiment_id], f"tags.`pgan.sweep` = '{sweep_id}'")
    assert len(runs) == 1 + 2 + 4
    assert {run.info.status for run in runs} == {"FINISHED"}


def test_sigterm_ends_as_ctrl_c_does_and_other_data_is_refused_afterwards(home: Path) -> None:
    rng = np.random.default_rng(0)

    def write_data() -> None:
        labels = np.arange(400) % 2
        np.savez("my.npz", features=rng.normal(size=(400, 4)) + labels[:, None], labels=labels)

    write_data()
    task = "{classes: [0, 1], poison_class: 1, source_class: 0}"
    settings = ["dataset={name: null, path: my.npz}", f"task={task}", "attack.iterations=200000"]
    settings.append("resources.checkpoint_every_s=0.1")
    process = subprocess.Popen(
        [
            *(*PGAN_RAY, "sweep", "tiny.yaml", "--out", "out", "--executor", "local"),
            *(part for s in settings for part in ("--set", s)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not any(Path("out").glob("tune/*")) and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        time.sleep(0.2)
    for _ in range(3):  # one is enough, and more do no harm
        process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 143, errors
    assert "pgan-ray resume" in errors
    assert json.loads(Path("out/summary.json").read_text())["outcome"] == "interrupted"

    write_data()
    refused = call_here("resume", "out", "--executor", "local")
    assert refused.returncode == 2, refused.stderr
    assert "the data of a resumed sweep must be the data that it began with" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sweep", "missing.yaml"], "missing.yaml: must be a sweep file, got no such file"),
        (["sweep", "tiny.yaml", "--profile", "fast"], "the profile must be one of body, got 'fast'"),
        (["sweep", "tiny.yaml", "--set", "attack.alpha=2"], "attack.alpha: must be at most 1"),
        (["sweep", "tiny.yaml", "--set", "attack.alhpa=0.1"], "did you mean `alpha`?"),
        (["sweep", "tiny.yaml", "--set", "task={classes: [5, 77], source_class: 77}"], "77"),
        (["sweep", "tiny.yaml", "--set", "evaluation.trusted_per_class=6000"], "6000|6,000|6060"),
        (["sweep", "tiny.yaml", "--set", "dataset={name: null, path: my.npz}"], "my.npz"),
        (["sweep", "tiny.yaml", "--tracking-uri", "http://127.0.0.1:9"], "127.0.0.1:9"),
        (["sweep", "tiny.yaml", "--set", "dataset={name: mnist}", "--data-dir", "nowhere"], "nowhere"),
        (["sweep", "tiny.yaml", "--set", "resources.trial.cpu=640"], "resources.trial.cpu: must be at most"),
        (["sweep", "tiny.yaml", "--out", "tiny.yaml/out"], "must be a place that can be written to"),
        (["sweep", "tiny.yaml", "--address", "127.0.0.1:9"], "the Ray cluster at 127.0.0.1:9 must answer"),
        (["ui", "--port", "70000"], "70000"),
        (["bench", "--threads", "0"], "0"),
        (["resume", "."], "must be the directory of a sweep, got no sweep.yaml in it"),
        (["track", "."], "must be the directory of a sweep"),
        (["ui", "nowhere"], "must be the directory of a sweep"),
        (["sweep"], "Missing argument 'FILE'"),
        (["swep"], "No such command 'swep'"),
    ],
)
def test_a_users_mistake_is_one_error_and_exit_code_2(home: Path, arguments: list[str], message: str) -> None:
    ended = call_here(*arguments)
    assert ended.returncode == 2, ended.stderr
    assert any(part in ended.stderr for part in message.split("|")), ended.stderr
    assert "Traceback" not in ended.stderr
    assert not Path("results").exists()


def test_dry_run_shows_the_resolved_sweep_and_starts_nothing(home: Path) -> None:
    ended = call_here("sweep", "tiny.yaml", "--dry-run", "--set", "attack.replicates=3")
    assert ended.returncode == 0, ended.stderr
    assert "replicates: 3" in ended.stdout
    assert "# configurations: alpha=0.1, alpha=0.9" in ended.stdout
    assert "configurations 2, generators 6, cells 36" in ended.stdout
    counts = json.loads(call_here("sweep", "tiny.yaml", "--dry-run", "--json").stdout)
    assert (counts["configurations"], counts["generators"], counts["cells"]) == (2, 4, 24)
    assert sorted(path.name for path in home.iterdir()) == ["tiny.yaml"]


def test_help_names_every_command_with_an_example() -> None:
    group = call_here("--help").stdout
    for command in ("sweep", "resume", "ui", "track", "plan", "bench"):
        assert f"  {command} " in group
        assert "Example: pgan-ray" in call_here(command, "--help").stdout
