"""The Python API, in this process and with a real MLflow store."""

import json
import shutil
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest

from pgan_ray import open_sweep, resume_sweep, run_sweep
from pgan_ray.api import SweepResult
from pgan_ray.datasets.load import load_dataset
from pgan_ray.errors import DataError, PganRayError, SpecError
from pgan_ray.results import Store, read_poison
from pgan_ray.runner.limits import Room
from pgan_ray.runner.local import LocalExecutor
from pgan_ray.runner.prepare import load_datasets
from tests.tiny import CELLS, GENERATORS, TINY, dataset_config, write_tiny


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_ADDRESS", "MLFLOW_TRACKING_URI", "PGAN_RAY_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> SweepResult:
    """A tiny sweep, run once."""
    folder = tmp_path_factory.mktemp("api")
    return run_sweep(
        TINY, executor="local", out=folder / "out", tracking_uri=f"sqlite:///{folder}/mlflow.db", profile="body"
    )


def test_a_mapping_is_run_and_its_results_are_tables(finished: SweepResult) -> None:
    assert finished.outcome == "complete"
    assert finished.configurations == ("alpha=0.1", "alpha=0.9")
    rows = finished.rows()
    assert rows.num_rows == CELLS
    assert set(rows.to_pandas()["outcome"]) == {"complete"}
    generators = finished.generators()
    assert generators.num_rows == GENERATORS
    assert set(generators["outcome"].to_pylist()) == {"complete"}
    assert finished.summary["cells"] == {"planned": CELLS, "finished": CELLS}
    assert repr(finished) == f"<SweepResult {finished.id}: complete, {CELLS} of {CELLS} cells>"


def test_what_the_executor_has_no_room_for_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(LocalExecutor, "room", lambda *_: Room(trial=1000, evaluator=10**9))
    with pytest.raises(SpecError, match=r"must fit a worker's memory: one generator takes .* a worker here has 1 kB$"):
        run_sweep(TINY, executor="local", out=tmp_path / "out", offline_tracking=True, profile="body")
    assert not (tmp_path / "out" / "sweep.yaml").exists()


def test_whose_products_a_sweep_takes_is_decided_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    small = {"attack.iterations": 2, "attack.replicates": 1, "evaluation.runs": 1, "evaluation.victim.epochs": 1}
    out = tmp_path / "out"

    def taken() -> str:
        settled: str = open_sweep(out).record.sweep.resources.cpu_products
        return settled

    monkeypatch.setattr("pgan_ray.nn.faster_products", lambda: "onednn")
    run_sweep(TINY, executor="local", out=out, offline_tracking=True, profile="body", set=small)
    assert taken() == "onednn"
    (out / "summary.json").unlink()
    monkeypatch.setattr("pgan_ray.nn.faster_products", lambda: "pytorch")  # as if on another processor
    resume_sweep(out, executor="local", offline_tracking=True)
    assert taken() == "onednn"


def test_a_new_sweep_that_comes_too_late_leaves_the_other_one_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    small = {"attack.iterations": 2, "attack.replicates": 1, "evaluation.runs": 1, "evaluation.victim.epochs": 1}
    out, others = tmp_path / "out", []

    def run() -> SweepResult:
        return run_sweep(TINY, executor="local", out=out, offline_tracking=True, profile="body", set=small)

    def slowly(*given: Any, **named: Any) -> Any:
        if not others:
            others.append("begun")
            others.append(run().id)
        return load_datasets(*given, **named)

    monkeypatch.setattr("pgan_ray.api.run.load_datasets", slowly)
    with pytest.raises(SpecError, match=r"out: must not hold a sweep yet; finish that one with"):
        run()
    found = open_sweep(out)
    assert (found.id, found.outcome) == (others[1], "complete")
    assert not (out / "driver.json").exists()


def test_a_sweep_begun_with_a_fraction_of_no_poison_is_finished_and_doubted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    small = {"attack.iterations": 2, "attack.replicates": 1, "attack.alpha": 0.1, "evaluation.victim.epochs": 1}
    asked = {**small, "evaluation.poison_fractions": [0, 0.004], "evaluation.runs": 1}
    how: dict[str, Any] = {"executor": "local", "offline_tracking": True}
    out, told = tmp_path / "out", list[str]()
    with pytest.raises(DataError, match=r"at least one point of poison, got 0\.004 of 120 training points"):
        run_sweep(TINY, out=out, set=asked, **how)
    with monkeypatch.context() as earlier:
        earlier.setattr("pgan_ray.api.run.check_fractions", lambda sweep: None)
        run_sweep(TINY, out=out, set=asked, **how)
    shutil.rmtree(out / "victims")
    result = resume_sweep(out, progress=told.append, **how)
    assert (result.outcome, result.rows().num_rows) == ("complete", 2)
    assert any(line.startswith("warning: ") and "got 0.004 of 120 training points" in line for line in told)


def test_a_directory_is_opened_with_the_same_results(finished: SweepResult) -> None:
    opened = open_sweep(finished.directory)
    assert opened.id == finished.id
    assert opened.outcome == "complete"
    assert opened.rows().equals(finished.rows())
    assert opened.summary == json.loads(json.dumps(finished.summary))
    assert opened.points == finished.points


def test_poison_comes_in_the_datas_own_units(finished: SweepResult) -> None:
    poison = finished.poison("alpha=0.9", 1)
    scaled = read_poison(Store(finished.directory), "alpha=0.9", 1)
    value_range = load_dataset(dataset_config(name="digits"), seed=0).value_range
    assert value_range is not None
    low, high = value_range
    assert np.allclose((poison - low) / (high - low) * 2 - 1, scaled, atol=1e-6)
    assert poison.max() > 1
    assert poison.max() <= high


def test_poison_that_is_not_there_is_told(finished: SweepResult) -> None:
    with pytest.raises(SpecError, match=r"must be one of .* \(alpha=0\.1, alpha=0\.9\), got 'alpha=0\.5'"):
        finished.poison("alpha=0.5")
    with pytest.raises(
        SpecError, match=r"alpha=0\.1/r7: must be a complete generator of .*, got none that is finished"
    ):
        finished.poison("alpha=0.1", 7)
    with pytest.raises(SpecError, match=r"replicate: must be a whole number, got '0'"):
        finished.poison("alpha=0.1", "0")  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 100_000, None])
def test_poison_whose_units_nobody_knows_is_told(finished: SweepResult, tmp_path: Path, content: bytes | None) -> None:
    shutil.copytree(finished.directory, tmp_path / "copy")
    file = tmp_path / "copy" / "data.json"
    file.unlink()
    file.mkdir() if content is None else file.write_bytes(content)
    with pytest.raises(DataError, match=r"data\.json: must say how the values of .* were scaled"):
        open_sweep(tmp_path / "copy").poison("alpha=0.9")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"tails": "Both"}, "^tails: must be sweep or both, got 'Both'$"),
        ({"tails": "detector_auc"}, "^tails: must be sweep or both, got 'detector_auc'$"),
        ({"by": "harm"}, "^by: must be damage or error, got 'harm'$"),
    ],
)
def test_what_attacks_cannot_be_ranked_by_is_told(finished: SweepResult, asked: dict[str, str], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        finished.ranking(**asked)  # type: ignore[arg-type]  # names of arguments that are texts


def test_a_baseline_has_no_generators(tmp_path: Path) -> None:
    baseline = {"name": "random_label_flip", "replicates": 1}
    few = {"evaluation.poison_fractions": [0, 0.1], "evaluation.runs": 1, "description": "é 😀"}
    result = run_sweep(
        {**TINY, "attack": baseline}, set=few, executor="local", offline_tracking=True, out=tmp_path / "out"
    )
    assert result.record.sweep.description == "é 😀"
    assert result.generators().num_rows == 0
    with pytest.raises(SpecError, match="base: must have generators, got an attack that trains none"):
        result.poison("base")


def test_a_notebook_shows_the_table(finished: SweepResult) -> None:
    page = finished._repr_html_()
    assert page.count("<tr>") == 1 + 2
    assert "alpha=0.1" in page
    assert "<td>40%</td>" in page
    assert "±" in page


def test_the_report_is_written_where_it_is_asked_for(finished: SweepResult, tmp_path: Path) -> None:
    assert Path(finished.report()).is_file()
    page = Path(finished.report(tmp_path / "report"))
    assert page.parent == tmp_path / "report"
    assert page.is_file()


def test_every_run_is_in_mlflow(finished: SweepResult) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{Path(finished.directory).parent}/mlflow.db")
    experiment = client.get_experiment_by_name("pgan-ray")
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 1 + 2 + GENERATORS
    assert {run.info.status for run in runs} == {"FINISHED"}


def test_a_file_overrides_and_a_callback(tmp_path: Path) -> None:
    notices: list[str] = []
    result = run_sweep(
        write_tiny(tmp_path),
        set={
            "attack.alpha": 0.5,
            "attack.replicates": 1,
            "evaluation.runs": 1,
            "evaluation.detector": {"name": "none"},
        },
        executor="local",
        offline_tracking=True,
        progress=notices.append,
    )
    assert result.outcome == "complete"
    assert Path(result.directory).parent == tmp_path / "results"
    assert result.rows().num_rows == 3
    assert set(result.rows()["detector"].to_pylist()) == {"none"}
    assert any("3 victims on this process" in notice for notice in notices)
    assert not (tmp_path / "mlflow.db").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sweep": "nowhere.yaml"}, "nowhere.yaml: must be a sweep file, got no such file"),
        ({"sweep": {}}, r"sweep:attack: must be given"),
        ({"sweep": TINY | {"seed": object()}}, "sweep: must hold only numbers, text"),
        ({"set": {"attack.alpha": 7}}, "--set attack.alpha: must be at most 1, got 7"),
        ({"set": {"attack.alpha": object()}}, "set: must hold only numbers, text"),
        ({"profile": "fast"}, "the profile must be one of body, got 'fast'"),
        ({"executor": "slurm"}, "executor: must be ray or local, got 'slurm'"),
        ({"address": "127.0.0.1:9"}, "address: must go with the executor `ray`, got `local`"),
        ({"expect_gpus": True}, "expect_gpus: must go with the executor `ray`"),
        ({"out": "out"}, "must not hold a sweep yet|must be empty"),
    ],
)
def test_a_mistake_is_an_exception_of_ours_before_anything_starts(
    tmp_path: Path, arguments: dict[str, object], message: str
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/sweep.yaml").write_text("name: of somebody else")
    with pytest.raises(PganRayError, match=message):
        run_sweep(**{"sweep": TINY, "executor": "local", "offline_tracking": True, **arguments})  # type: ignore[arg-type]
    assert not (tmp_path / "results").exists()


def test_a_directory_without_a_sweep_is_told(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="must be the directory of a sweep"):
        open_sweep(tmp_path)


def test_a_new_sweep_goes_where_its_mlflow_database_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run_sweep(TINY, out=".", executor="local", tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")
    assert result.outcome == "complete"
    assert (tmp_path / "mlflow.db").exists()
