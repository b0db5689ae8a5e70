import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pgan_ray.results import Store
from pgan_ray.spec import SweepRecord
from pgan_ray.tracking import rebuild
from tests.tracking.reading import Reader
from tests.tracking.tracking_sweep import (
    ITERATIONS,
    PASSWORD,
    START_MS,
    error_of,
    make_record,
    make_store,
    training_rows,
    write_cells,
    write_replicate,
)

SWEEP = "tiny-0001"
CONFIGURATIONS = ["alpha=0.1", "alpha=0.9"]
GENERATORS = [f"{c}/r{r}" for c in CONFIGURATIONS for r in (0, 1)]


class Built(NamedTuple):
    record: SweepRecord
    store: Store
    uri: str
    reader: Reader


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, empty_database: bytes) -> Iterator[Built]:
    """The whole small sweep in a sqlite store."""
    folder = tmp_path_factory.mktemp("built")
    (folder / "mlflow.db").write_bytes(empty_database)
    record = make_record()
    store = make_store(folder / "sweep", record)
    uri = f"sqlite:///{folder}/mlflow.db"
    here = Path.cwd()
    os.chdir(folder)
    try:
        rebuild(store, record, tracking_uri=uri)
        yield Built(record, store, uri, Reader(uri))
    finally:
        os.chdir(here)


def test_runs_nest_and_are_finished(built: Built) -> None:
    runs = built.reader.runs()
    assert sorted(runs) == sorted([SWEEP, *CONFIGURATIONS, *GENERATORS])
    assert set(built.reader.statuses().values()) == {"FINISHED"}
    above = {name: run.data.tags.get("mlflow.parentRunId") for name, run in runs.items()}
    assert above[SWEEP] is None
    assert all(above[name] == runs[SWEEP].info.run_id for name in CONFIGURATIONS)
    assert all(above[name] == runs[name.split("/")[0]].info.run_id for name in GENERATORS)
    full = {run.info.run_name for run in runs.values()}
    assert full == {SWEEP, *(f"{name} [0001 tiny-body]" for name in [*CONFIGURATIONS, *GENERATORS])}
    keys = {run.data.tags["pgan.key"] for run in runs.values()}
    assert keys == {SWEEP, *(f"{SWEEP}/{name}" for name in [*CONFIGURATIONS, *GENERATORS])}


def test_times_are_those_of_the_training(built: Built) -> None:
    info = built.reader.runs()["alpha=0.1/r1"].info
    assert info.start_time == START_MS + 1000 * min(ITERATIONS) + 1
    assert info.end_time == START_MS + 1000 * max(ITERATIONS) + 1


def test_configurations_curves_are_figure_2(built: Built) -> None:
    configuration = built.record.sweep.configurations[0]
    expected = {}
    for fraction in (0.0, 0.2, 0.4):
        errors = [
            error_of(cell)
            for replicate in (0, 1)
            for cell in configuration.cells(replicate)
            if cell.poison_fraction == fraction
        ]
        expected[round(100 * fraction)] = sum(errors) / len(errors)
    curve = dict(built.reader.curve("alpha=0.1", "victim/test_error"))
    assert curve == pytest.approx(expected)
    low = dict(built.reader.curve("alpha=0.1", "victim/test_error_low"))
    high = dict(built.reader.curve("alpha=0.1", "victim/test_error_high"))
    assert all(low[step] < curve[step] < high[step] for step in (0, 20, 40))
    for rate in ("false_positive_rate", "false_negative_rate", "rejected_genuine", "rejected_poison"):
        assert [step for step, _ in built.reader.curve("alpha=0.1", f"victim/{rate}")] == [0, 20, 40]


def test_configurations_have_numbers_to_sort_by_and_settings(built: Built) -> None:
    run = built.reader.runs()["alpha=0.1"]
    assert run.data.metrics["generators"] == 2
    assert run.data.metrics["victims"] == 12
    assert run.data.metrics["test_error_clean"] == pytest.approx(0.0555)
    assert run.data.metrics["test_error_worst"] == pytest.approx(0.1455)
    assert run.data.params["attack.alpha"] == "0.1"
    assert run.data.params["attack.generator.widths"] == "[8]"
    assert run.data.params["evaluation.victim.epochs"] == "2000"  # a default
    assert run.data.tags["pgan.step"] == "poison per cent"
    assert run.data.tags["pgan.torch"] == "2.13.0"
    assert run.data.tags["mlflow.source.git.commit"] == "0123abc"


def test_the_sweeps_own_run_tells_its_answer(built: Built) -> None:
    data = built.reader.runs()[SWEEP].data
    metrics = {name.removeprefix("strongest/"): value for name, value in data.metrics.items()}
    assert metrics.pop("damage_low") <= metrics["damage"] <= metrics.pop("damage_high")
    expected = {"poison_fraction": 0.4, "test_error": 0.1455, "test_error_clean": 0.0555, "damage": 0.0}
    assert metrics == pytest.approx(expected | {"excess_rejections": metrics["excess_rejections"]})
    assert "40 % poison of alpha=0.1" in data.tags["pgan.answer"]
    assert data.tags["mlflow.note.content"] == f"{data.tags['pgan.answer']}\n\ntwo alphas on tiny images"


def test_generators_have_their_training_curves(built: Built) -> None:
    rows = training_rows(replicate=1)
    for name in ("discriminator_loss", "classifier_poison_loss"):
        expected = [(row["iteration"], row["metrics"][name]) for row in rows]
        assert built.reader.curve("alpha=0.9/r1", f"train/{name}") == expected
    params = built.reader.runs()["alpha=0.9/r1"].data.params
    assert (params["replicate"], params["attack.alpha"]) == ("1", "0.9")


def test_generators_have_poison_rows_and_images(built: Built) -> None:
    files = built.reader.artifacts("alpha=0.1/r0")
    assert {"poison.safetensors", "victims.parquet"} <= set(files)
    rows = pq.read_table(built.reader.download("alpha=0.1/r0", "victims.parquet"))
    assert (rows.num_rows, set(rows["replicate"].to_pylist())) == (6, {0})
    assert built.reader.runs()["alpha=0.1/r0"].data.tags["mlflow.loggedImages"] == "True"
    stem = f"images/samples+step+50+timestamp+{START_MS + 50_000}+samples"
    assert {f"{stem}.png", f"{stem}+compressed.webp"} <= set(files)
    with Image.open(built.reader.download("alpha=0.1/r0", f"{stem}.png")) as image:
        assert image.size == (8 * 6 - 2, 8 * 6 - 2)


def test_parent_has_summary_rows_spec_and_data_set(built: Built) -> None:
    run = built.reader.runs()[SWEEP]
    assert run.data.params == {
        "name": "tiny",
        "profile": "body",
        "configurations": "2",
        "generators": "4",
        "victims": "24",
    }
    assert run.data.tags["pgan.results_directory"] == built.store.location
    files = built.reader.artifacts(SWEEP)
    assert files == ["confusion_table.json", "summary.csv", "summary_table.json", "sweep.yaml", "victims.parquet"]
    assert pq.read_table(built.reader.download(SWEEP, "victims.parquet")).num_rows == 24
    table = built.reader.client.load_table(built.reader.experiment_id, "summary_table.json", [run.info.run_id])
    assert len(table) == 6
    lines = Path(built.reader.download(SWEEP, "summary.csv")).read_text().splitlines()
    assert lines[0].startswith("configuration,variant,poison_fraction,test_error,test_error_half_width")
    assert len(lines) == 7
    [used] = run.inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("digits", "ab" * 18)


def test_mean_confusion_matrices_are_a_table(built: Built) -> None:
    run = built.reader.runs()[SWEEP]
    assert "confusion_table.json" in run.data.tags["mlflow.loggedArtifacts"]
    table = built.reader.client.load_table(built.reader.experiment_id, "confusion_table.json", [run.info.run_id])
    assert list(table.columns) == ["configuration", "variant", "poison_fraction", "true_class", "as_3", "as_5"]
    assert len(table) == 2 * 3 * 2  # configurations, fractions, true classes
    # Of 20 test points of each class one is taken for the other.
    for row in table.to_dict("records"):
        right, wrong = ("as_3", "as_5") if row["true_class"] == 3 else ("as_5", "as_3")
        assert (row[right], row[wrong]) == pytest.approx((0.95, 0.05))


def test_no_secret_gets_into_mlflow(built: Built) -> None:
    for run in built.reader.runs().values():
        assert PASSWORD not in json.dumps(run.to_dictionary())
    assert PASSWORD not in Path(built.reader.download(SWEEP, "sweep.yaml")).read_text()


def test_generator_is_a_model_that_samples(built: Built) -> None:
    import mlflow

    [output] = built.reader.runs()["alpha=0.1/r1"].outputs.model_outputs
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(built.uri)
    try:
        model = mlflow.pyfunc.load_model(f"models:/{output.model_id}")
        points = model.predict(5)
        assert isinstance(points, np.ndarray)
        assert (points.shape, points.dtype) == ((5, 16), np.float32)
        assert np.abs(points).max() <= 1
        again = [model.predict(5, params={"seed": 7}) for _ in range(2)]
        np.testing.assert_array_equal(*again)
        assert not np.array_equal(points, model.predict(5))
        assert model.metadata.signature.params.params[0].name == "seed"
        assert model.input_example == 4
        run_id = built.reader.runs()["alpha=0.1/r1"].info.run_id
        by_run = mlflow.pyfunc.load_model(f"runs:/{run_id}/generator")
        np.testing.assert_array_equal(by_run.predict(5, params={"seed": 7}), again[0])
    finally:
        mlflow.set_tracking_uri(before)


def test_model_holds_no_pickle(built: Built) -> None:
    [output] = built.reader.runs()["alpha=0.1/r0"].outputs.model_outputs
    place = Path(built.reader.client.get_logged_model(output.model_id).artifact_location)
    names = {file.name for file in place.rglob("*") if file.is_file()}
    assert {"generator_model.py", "generator.safetensors", "MLmodel", "requirements.txt"} <= names
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".pt", ".joblib"))]


def test_twice_is_as_once(built: Built) -> None:
    before = built.reader.everything()
    rebuild(built.store, built.record, tracking_uri=built.uri)
    assert built.reader.everything() == before
    models = built.reader.client.search_logged_models([built.reader.experiment_id])
    assert len(models) == len(GENERATORS)


def test_a_run_that_somebody_renamed_keeps_the_name(sqlite_uri: str, store: Store, record: SweepRecord) -> None:
    rebuild(store, record, tracking_uri=sqlite_uri)
    reader = Reader(sqlite_uri)
    before = reader.statuses()
    run_id = reader.runs()["alpha=0.9/r1"].info.run_id
    reader.client.update_run(run_id, name="the odd one")
    rebuild(store, record, tracking_uri=sqlite_uri)
    assert reader.client.get_run(run_id).info.run_name == "the odd one"
    assert len(reader.client.search_runs([reader.experiment_id])) == len(before)


def test_unfinished_sweep_is_killed_then_completed(sqlite_uri: str, tmp_path: Path, record: SweepRecord) -> None:
    store = Store(tmp_path / "sweep")
    first, second = record.sweep.configurations
    write_replicate(store, first, 0)
    write_cells(store, record, first, 0)
    write_replicate(store, second, 0)
    rebuild(store, record, tracking_uri=sqlite_uri)
    reader = Reader(sqlite_uri)
    assert reader.statuses() == {
        SWEEP: "KILLED",
        "alpha=0.1": "KILLED",
        "alpha=0.1/r0": "FINISHED",
        "alpha=0.9": "KILLED",
        "alpha=0.9/r0": "FINISHED",
    }
    assert dict(reader.curve("alpha=0.1", "victim/test_error")) == pytest.approx({0: 0.0505, 20: 0.0955, 40: 0.1405})

    # The means change with the second replicate: a curve must not keep both.
    make_store(tmp_path / "sweep", record)
    rebuild(store, record, tracking_uri=sqlite_uri)
    assert set(reader.statuses().values()) == {"FINISHED"}
    assert dict(reader.curve("alpha=0.1", "victim/test_error")) == pytest.approx({0: 0.0555, 20: 0.1005, 40: 0.1455})
    assert len(reader.curve("alpha=0.1", "victim/test_error")) == 3
    runs = reader.runs()
    assert runs["alpha=0.1/r0"].data.tags["mlflow.parentRunId"] == runs["alpha=0.1"].info.run_id


def test_diverged_and_failed_are_told_apart(sqlite_uri: str, tmp_path: Path, record: SweepRecord) -> None:
    store = Store(tmp_path / "sweep")
    first, second = record.sweep.configurations
    for replicate, outcome in enumerate(("complete", "diverged")):
        write_replicate(store, first, replicate, outcome)
        write_cells(store, record, first, replicate, outcome=outcome)
        write_replicate(store, second, replicate)
        write_cells(store, record, second, replicate, outcome="failed")
    rebuild(store, record, tracking_uri=sqlite_uri)
    reader = Reader(sqlite_uri)
    assert reader.statuses() == {
        SWEEP: "FAILED",
        "alpha=0.1": "FINISHED",
        "alpha=0.1/r0": "FINISHED",
        "alpha=0.1/r1": "FAILED",
        "alpha=0.9": "FAILED",
        "alpha=0.9/r0": "FINISHED",
        "alpha=0.9/r1": "FINISHED",
    }
    diverged = reader.runs()["alpha=0.1/r1"]
    assert diverged.data.tags["pgan.outcome"] == "diverged"
    assert not (diverged.outputs and diverged.outputs.model_outputs)
    assert "poison.safetensors" not in reader.artifacts("alpha=0.1/r1")
    assert reader.runs()[SWEEP].data.tags["pgan.outcome"] == "partial"
    assert reader.runs()["alpha=0.1"].data.metrics["generators"] == 1


def test_a_rebuild_that_stops_leaves_no_run_running(
    record: SweepRecord, store: Store, sqlite_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*arguments: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pgan_ray.tracking.generator_run.log_generator", stop)
    with pytest.raises(KeyboardInterrupt):
        rebuild(store, record, tracking_uri=sqlite_uri)
    assert set(Reader(sqlite_uri).statuses().values()) == {"FAILED"}


def test_odd_files_of_a_report_are_left_out(record: SweepRecord, store: Store, sqlite_uri: str) -> None:
    store.write("report/index.html", b"<!doctype html>")
    os.mkfifo(Path(store.location, "report/pipe"))
    assert rebuild(store, record, tracking_uri=sqlite_uri) == {"report/pipe": "must be a file, got a pipe or a device"}
    assert Reader(sqlite_uri).artifacts(SWEEP, "report") == ["report/index.html"]
