"""A finished grid with more values: what is there stays to the byte, the rest is as in a new sweep with all of them."""

import re
import shutil
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pgan_ray import extend_sweep, open_sweep, run_sweep
from pgan_ray.api import SweepResult, extend_grid
from pgan_ray.cli.main import group
from pgan_ray.errors import DataError, SpecError
from pgan_ray.results import Store, read_sweep
from pgan_ray.runner.prepare import check_same_data, load_datasets
from pgan_ray.spec.layers import with_overrides
from pgan_ray.tracking import rebuild
from tests.cli.here import call_here
from tests.runner.sweeps import without_seconds
from tests.tiny import TINY
from tests.tracking.reading import Reader

CURVES = ("victim", "victim/victim_logistic")
LOCAL = ("--executor", "local", "--offline-tracking")


def small(*alphas: float, **changes: Any) -> dict[str, Any]:
    """The tiny sweep with a grid of ``alphas``, and the values at dotted keys (``__`` for a dot)."""
    little = {"attack__iterations": 6, "attack__replicates": 1, "evaluation__runs": 1, "evaluation__victim__epochs": 4}
    changes = {"attack__alpha": {"grid": [*alphas]}} | little | changes
    tree = {**deepcopy(TINY), "controls": True}
    return with_overrides(tree, [(tuple(key.split("__")), value) for key, value in changes.items()])


def same_bits(result: SweepResult) -> list[dict[str, object]]:
    return without_seconds(result.rows().drop_columns(["sweep_id"]))


def files_of(folder: Path) -> dict[str, bytes]:
    """What is finished, by its names."""
    found = [file for kind in ("victims", "generators") for file in (folder / kind).rglob("*") if file.is_file()]
    return {str(file.relative_to(folder)): file.read_bytes() for file in found}


def worked_on(folder: Path) -> str:
    """What was trained in the last run."""
    return (folder / "timeline.json").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("extend")


@pytest.fixture(scope="module")
def uri(folder: Path) -> str:
    return f"sqlite:///{folder}/mlflow.db"


@pytest.fixture(scope="module")
def finished(folder: Path, uri: str) -> Path:
    """The directory of a sweep of two alphas."""
    run_sweep(small(0.1, 0.9), out=folder / "finished", executor="local", tracking_uri=uri)
    return folder / "finished"


@pytest.fixture(scope="module")
def anew(folder: Path) -> SweepResult:
    """A new sweep of all values."""
    return run_sweep(small(0.1, 0.9, 0.5), out=folder / "anew", executor="local", offline_tracking=True)


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "copied"))


def test_from_python(copied: Path, anew: SweepResult) -> None:
    found = extend_sweep(copied, add={"attack.alpha": [0.5]}, executor="local", offline_tracking=True)
    assert found.outcome == "complete"
    assert same_bits(found) == same_bits(anew)
    with pytest.raises(SpecError, match="must be a search to have more trials, got a grid"):
        extend_sweep(copied, trials=4, executor="local")


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({}, "must have `trials` (for a search), or `add` or `replicates` (for a grid), got neither"),
        ({"add": {"attack.alpha": [0.7]}, "trials": 4}, "(for a grid), got both"),
        ({"replicates": -1}, "replicates: must be a whole number of at least 1, got -1"),
        ({"replicates": True}, "replicates: must be a whole number of at least 1, got True"),
        ({"trials": "2"}, "trials: must be a whole number of at least 1, got '2'"),
        ({"add": {"attack.name": "none"}}, "add: must map paths of grids to non-empty lists of values, got"),
        ({"add": {"attack.alpha": []}}, "add: must map paths of grids to non-empty lists of values, got"),
        ({"add": ["attack.alpha=0.7"]}, "add: must map paths of grids to non-empty lists of values, got"),
    ],
)
def test_what_is_no_extension_is_told_before_anything_is_read(given: dict[str, Any], fault: str) -> None:
    with pytest.raises(SpecError, match=re.escape(fault)):
        extend_sweep("nowhere", executor="local", **given)


def test_what_is_there_stays_and_the_rest_is_as_in_a_new_sweep(
    finished: Path, anew: SweepResult, uri: str, folder: Path, tmp_path: Path
) -> None:
    before, runs = files_of(finished), Reader(uri).runs()
    copied = Path(shutil.copytree(finished, tmp_path / "copied"))
    ended = call_here(
        *("extend", str(copied), "--add", "attack.alpha=0.5", "--executor", "local", "--tracking-uri", uri)
    )
    assert ended.returncode == 0, ended.stderr
    assert set(re.findall(r"alpha=[\d.]+|control", worked_on(copied))) == {"alpha=0.5"}
    after = files_of(copied)
    assert {name: after[name] for name in before} == before
    assert {name.split("/")[1] for name in set(after) - set(before)} == {"alpha=0.5"}

    result = open_sweep(copied)
    assert same_bits(result) == same_bits(anew)
    assert result.record.sweep.document["attack"] == anew.record.sweep.document["attack"]
    for told in ("outcome", "cells", "generators", "points", "changes"):
        assert result.summary[told] == anew.summary[told], told
    assert result.ranking() == anew.ranking()
    assert "α 0.5 at 40" in (copied / "report" / "index.html").read_text(encoding="utf-8")
    _check_runs(uri, runs)
    # Brought to another server, it is one sweep like any other.
    again = f"sqlite:///{tmp_path}/again.db"
    rebuild(Store(copied), result.record, tracking_uri=again)
    assert Reader(again).statuses() == Reader(uri).statuses()
    assert Reader(again).runs()[result.record.id].data.tags["pgan.victims"] == "12"


def _check_runs(uri: str, before: dict[str, Any]) -> None:
    after = Reader(uri).runs()
    assert {name: run.info.run_id for name, run in after.items() if name in before} == {
        name: run.info.run_id for name, run in before.items()
    }
    assert set(after) - set(before) == {"alpha=0.5", "alpha=0.5/r0"}
    (parent,) = (run for run in after.values() if "mlflow.parentRunId" not in run.data.tags)
    assert after["alpha=0.5"].data.tags["mlflow.parentRunId"] == parent.info.run_id
    tags = {key: parent.data.tags[f"pgan.{key}"] for key in ("configurations", "generators", "victims")}
    assert tags == {"configurations": "4", "generators": "3", "victims": "12"}
    assert {run.info.status for run in after.values()} == {"FINISHED"}


def test_every_command_goes_on_from_what_a_crash_left(copied: Path, anew: SweepResult) -> None:
    """Its record was written, and no more."""
    store = Store(copied)
    longer = extend_grid(store, ["attack.alpha=0.5"])
    assert open_sweep(copied).outcome == "complete", "nothing is written before it is run"
    store.write("sweep.yaml", longer.to_yaml().encode())
    told = call_here("status", str(copied)).stdout
    assert ": unfinished" in told
    assert "9/12 victims" in told
    assert call_here("best", str(copied)).returncode == 0
    with pytest.raises(
        SpecError, match=r"must be finished before it is extended, got unfinished victims of `alpha=0.5`"
    ):
        extend_grid(store, ["attack.alpha=0.7"])
    ended = call_here("resume", str(copied), *LOCAL)
    assert ended.returncode == 0, ended.stderr
    assert same_bits(open_sweep(copied)) == same_bits(anew)
    # And again.
    ended = call_here("extend", str(copied), "--add", "attack.alpha=1", *LOCAL)
    assert ended.returncode == 0, ended.stderr
    result = open_sweep(copied)
    assert (result.outcome, result.rows().num_rows, len(result.record.earlier)) == ("complete", 15, 2)
    compared = call_here("report", str(copied), str(anew.directory), "--out", str(copied.parent / "both"))
    assert compared.returncode == 0, compared.stderr


@pytest.fixture(scope="module")
def victims_anew(folder: Path) -> SweepResult:
    """A new sweep of two kinds of victims."""
    tree = small(0.1, evaluation__victim={"grid": [{"name": "knn"}, {"name": "logistic"}]})
    return run_sweep(tree, out=folder / "victims", executor="local", offline_tracking=True)


def test_finished_generators_are_evaluated_in_more_ways(victims_anew: SweepResult, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    tree = small(0.1, evaluation__victim={"grid": [{"name": "knn"}]})
    run_sweep(tree, out=tmp_path / "knn", executor="local", tracking_uri=uri)
    before, rows = files_of(tmp_path / "knn"), open_sweep(tmp_path / "knn").rows()
    parent = next(run for name, run in Reader(uri).runs().items() if name.startswith("tiny"))
    store = Store(tmp_path / "knn")
    longer = extend_grid(store, ["evaluation.victim={name: logistic}"])
    store.write("sweep.yaml", longer.to_yaml().encode())
    ended = call_here("resume", str(tmp_path / "knn"), "--executor", "local", "--tracking-uri", uri)
    assert ended.returncode == 0, ended.stderr
    assert set(re.findall(r"victim=\w+", worked_on(tmp_path / "knn"))) == {"victim=logistic"}
    after = files_of(tmp_path / "knn")
    assert {name: text for name, text in after.items() if name.startswith("generators")} == {
        name: text for name, text in before.items() if name.startswith("generators")
    }
    assert [name.count("all-") for name in after if name.startswith("victims")] == [1, 1]
    result = open_sweep(tmp_path / "knn")
    assert same_bits(result) == same_bits(victims_anew)
    kept = set(rows["cell_id"].to_pylist())
    assert [row for row in result.rows().to_pylist() if row["cell_id"] in kept] == rows.to_pylist()
    for told in ("points", "changes"):
        assert result.summary[told] == victims_anew.summary[told], told
    reader = Reader(uri)
    runs = reader.runs()
    assert runs[result.record.id].info.run_id == parent.info.run_id
    assert runs["alpha=0.1"].data.params["evaluation.victim.name"] == "knn | logistic"
    assert runs["alpha=0.1/r0"].data.tags["mlflow.parentRunId"] == runs["alpha=0.1"].info.run_id
    # No new point is older than those that it replaces.
    rebuild(store, result.record, tracking_uri=f"sqlite:///{tmp_path}/again.db")
    again = Reader(f"sqlite:///{tmp_path}/again.db").runs()[result.record.id]
    assert runs[result.record.id].data.metrics == again.data.metrics
    steps = [[step for step, _ in reader.curve("alpha=0.1", f"{place}/test_error")] for place in CURVES]
    assert steps == [[0, 20, 40]] * 2


def test_more_replicates_join_those_that_are_there(tmp_path: Path) -> None:
    """Two of three are in one trial now, of which one is trained."""
    tree = small(0.1, attack__replicates=2, resources__trial__members_per_actor=2, evaluation__poison_fractions=[0.4])
    run_sweep(tree, out=tmp_path / "a", executor="local", offline_tracking=True)
    before = files_of(tmp_path / "a")
    ended = call_here("extend", str(tmp_path / "a"), "--replicates", "1", *LOCAL)
    assert ended.returncode == 0, ended.stderr
    after = files_of(tmp_path / "a")
    generators = [name for name in before if name.startswith("generators")]
    assert {name: after[name] for name in generators} == {name: before[name] for name in generators}
    assert set(re.findall(r"/(r[\d-]+)", worked_on(tmp_path / "a"))) == {"r2", "r2-2"}
    result = open_sweep(tmp_path / "a")
    tree["attack"]["replicates"] = 3
    whole = run_sweep(tree, out=tmp_path / "whole", executor="local", offline_tracking=True)
    assert same_bits(result) == same_bits(whole)
    assert (result.poison("alpha=0.1", 2) == whole.poison("alpha=0.1", 2)).all()
    for told in ("outcome", "cells", "generators", "points", "changes"):
        assert result.summary[told] == whole.summary[told], told


def test_another_sweeps_files_are_still_no_ones(copied: Path) -> None:
    longer = extend_grid(Store(copied), ["attack.alpha=0.5"])
    Store(copied).write("sweep.yaml", replace(longer, earlier=("0" * 64,)).to_yaml().encode())
    ended = call_here("resume", str(copied), *LOCAL)
    assert ended.returncode == 2
    assert "got one whose digest is" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--add", "attack.alpha=7"], "error: --add attack.alpha.grid[2]: must be at most 1, got 7\n"),
        (["--add", "attack.beta=7"], "must name a grid of the sweep (attack.alpha), got no such key"),
        (["--add", "attack.alpha=0.9"], "must be a value that the grid does not have yet, got one of [0.1, 0.9]"),
        (["--trials", "3"], "must be a search to have more trials, got a grid: --add A.B=VALUE adds a value to one"),
        ([], "must have --trials (for a search), or --add or --replicates (for a grid), got neither"),
        (["--trials", "3", "--add", "attack.alpha=1"], "or --add or --replicates (for a grid), got both"),
    ],
)
def test_a_mistake_is_told_in_a_line_before_anything_is_written(
    finished: Path, arguments: list[str], message: str
) -> None:
    before = {file: file.stat().st_mtime_ns for file in finished.rglob("*")}
    ended = call_here("extend", str(finished), *arguments, *LOCAL)
    assert (ended.returncode, message in ended.stderr) == (2, True), ended.stderr
    assert {file: file.stat().st_mtime_ns for file in finished.rglob("*")} == before


def test_what_is_not_finished_is_resumed_first(copied: Path) -> None:
    (gone,) = (copied / "victims" / "alpha=0.9").glob("*.parquet")
    gone.unlink()
    ended = call_here("extend", str(copied), "--add", "attack.alpha=0.5", *LOCAL)
    assert ended.returncode == 2
    assert f"got unfinished victims of `alpha=0.9`: pgan-ray resume {copied}" in ended.stderr


def test_new_values_may_bring_data_of_their_own(tmp_path: Path) -> None:
    points = {"dataset": {"name": "gaussians"}, "task": {"classes": [0, 1], "poison_class": 1, "source_class": 0}}
    tree = {**small(0.1), **points, "seed": {"grid": [0, 1]}}
    result = run_sweep(tree, out=tmp_path / "seeds", executor="local", offline_tracking=True)
    digests = result.record.facts["dataset_digest"].split(", ")
    assert len(digests) == 2
    ended = CliRunner().invoke(group, ["extend", str(tmp_path / "seeds"), "--add", "seed=2", *LOCAL])
    assert ended.exit_code == 0, ended.output
    record = read_sweep(Store(tmp_path / "seeds"))
    found = record.facts["dataset_digest"].split(", ")
    assert (found[:2], len(found)) == (digests, 3)
    datasets, _ = load_datasets(record.sweep, None, lambda text: None)
    check_same_data(record, datasets)
    other = replace(record, facts={**record.facts, "dataset_digest": "ab, " + ", ".join(digests)})
    with pytest.raises(DataError, match="must be the data that it began with"):
        check_same_data(other, datasets)
