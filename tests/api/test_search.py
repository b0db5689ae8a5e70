"""A whole search by the Python API, and what its results, its report, the command line and MLflow make of it."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from mlflow import MlflowClient
from sklearn.datasets import load_digits

from pgan_ray import open_sweep, run_sweep
from pgan_ray.api import RunOptions, SweepResult, extend_search, resolve_sweep
from pgan_ray.cli.main import group
from pgan_ray.errors import SpecError
from pgan_ray.results import HARMS, Store
from pgan_ray.spec import SweepRecord, load_sweep
from pgan_ray.tracking import rebuild
from tests.searches import AGAINST_EACH, STOPS, search_file
from tests.tiny import TINY
from tests.tracking.reading import Reader, within


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("search")


@pytest.fixture(scope="module")
def result(folder: Path) -> SweepResult:
    tree = search_file(search__baseline="random", search__trials=2, controls=True)
    return run_sweep(tree, out=folder / "sweep", executor="local", tracking_uri=f"sqlite:///{folder}/mlflow.db")


def test_trials_and_what_they_promised(result: SweepResult) -> None:
    assert result.outcome == "complete"
    table = result.trials()
    assert table["series"].to_pylist() == ["trial", "trial", "random", "random"]
    assert table["alpha"].to_pylist()[0] == 0.1
    assert set(table["state"].to_pylist()) == {"complete"}
    confirmed = result.confirmations()
    assert [one.trial.key[0] for one in confirmed] == ["trial", "random"]
    for one in confirmed:
        assert one.trial.harm is not None
        number = one.trial.key[1] + 2 * (one.trial.key[0] == "random")
        assert one.trial.harm.mean == table["harm"].to_pylist()[number]
        assert one.again.state == "complete"
    opened = open_sweep(result.directory)
    assert opened.outcome == "complete"
    assert opened.confirmations() == confirmed


def test_attacks_are_ranked_and_answered_for_by_what_was_confirmed_alone(result: SweepResult) -> None:
    assert {one.configuration.partition("=")[0] for one in result.ranking()} == {"confirmed", "confirmed_random"}
    assert all(one.stays_under for one in result.ranking())  # by what is searched for, `at_most: 1`
    assert not any(one.stays_under for one in result.ranking(-1.0))
    shown = result._repr_html_()
    assert "confirmed=000" in shown
    assert "trial=000" not in shown
    page = Path(result.directory, "report", "index.html").read_text(encoding="utf-8")
    for text in ("The search", "4 trials were suggested", "harm and detectability on held-out points"):
        assert text in page
    assert "validation,control" not in page
    assert "random trial" in page


def test_the_command_line_shows_what_was_promised_beside_what_was_confirmed(result: SweepResult) -> None:
    ended = CliRunner().invoke(group, ["resume", str(result.directory), "--executor", "local", "--offline-tracking"])
    assert ended.exit_code == 0, ended.output
    for text in ("the best trials, evaluated afresh", "harm promised", "confirmed=000", "confirmed_random=000"):
        assert text in ended.output
    assert "trial=0000" not in ended.output


def test_a_search_and_a_grid_of_one_file_of_ones_own_stand_side_by_side(tmp_path: Path) -> None:
    images, labels = load_digits(return_X_y=True)
    files = [str(tmp_path / name) for name in ("my.npz", "other.npz")]
    for file, less in zip(files, (0, 9), strict=True):
        np.savez(file, features=images[less:], labels=labels[less:])
    small = {"attack.replicates": 1, "evaluation.victim.epochs": 1, "evaluation.poison_fractions": [0, 0.4]}

    def run(tree: dict[str, Any], file: str, **more: Any) -> SweepResult:
        out = tmp_path / str(len(list(tmp_path.iterdir())))
        tree = {**tree, "dataset": {"path": file}}
        return run_sweep(tree, out=out, executor="local", offline_tracking=True, set={**small, **more})

    grid = run(TINY, files[0], **{"attack.iterations": 2})
    search = run(search_file(), files[0], **{"search.trials": 1, "search.parallel": 1})
    page = Path(grid.report(tmp_path / "page", beside=[search])).read_text(encoding="utf-8")
    assert grid.id in page
    assert search.id in page
    other = run(TINY, files[1], **{"attack.iterations": 2})
    with pytest.raises(SpecError, match="must have data set in common with"):
        search.report(tmp_path / "none", beside=[other])
    with pytest.raises(SpecError, match=r"beside: must be sweeps, each as `open_sweep` gives it, got 'x'"):
        search.report(tmp_path / "none", beside="x")  # type: ignore[arg-type]


def test_mlflow_has_the_course_of_the_search(result: SweepResult, folder: Path, tmp_path: Path) -> None:
    uris = [f"sqlite:///{folder}/mlflow.db", f"sqlite:///{tmp_path}/again.db"]
    rebuild(Store(result.directory), result.record, tracking_uri=uris[1])
    courses = []
    for uri in uris:
        client = MlflowClient(uri)
        runs = client.search_runs([one.experiment_id for one in client.search_experiments()])
        names = {within(run): run for run in runs}
        assert {"trial=0000", "random=0001", "validation,control=none"} <= set(names)
        (parent,) = (run for run in runs if "search/trial/best" in run.data.metrics)
        course = client.get_metric_history(parent.info.run_id, "search/trial/harm")
        courses.append([(point.step, point.value) for point in course])
        assert "search/random/best" in parent.data.metrics
        assert names["trial=0000"].data.tags["pgan.trial"] == "trial 0"
    harms = result.trials()["harm"].to_pylist()
    assert courses == [[(0, harms[0]), (1, harms[1])]] * 2


def test_a_grid_has_no_trials(tmp_path: Path) -> None:
    grid = SweepResult(Store(tmp_path), SweepRecord("grid", load_sweep(TINY)))
    with pytest.raises(SpecError, match="must be a search to have trials, got a grid"):
        grid.trials()
    assert grid.confirmations() == []


def test_it_is_extended(result: SweepResult, tmp_path: Path) -> None:
    copied = tmp_path / "copy"
    shutil.copytree(result.directory, copied)
    arguments = ["--trials", "1", "--executor", "local", "--offline-tracking"]
    ended = CliRunner().invoke(group, ["extend", str(copied), *arguments])
    assert ended.exit_code == 0, ended.output
    opened = open_sweep(copied)
    assert (opened.outcome, opened.trials().num_rows) == ("complete", 6)
    for mistake, message in (
        (["--offline-tracking", "--address", "x"], "address: must go with the executor `ray`"),
        (["--tracking-uri", "sqlite://"], "must name a store that outlives the command"),
    ):
        refused = CliRunner().invoke(group, ["extend", str(copied), "--trials", "1", "--executor", "local", *mistake])
        assert message in str(refused.exception)
    assert open_sweep(copied).outcome == "complete"  # nothing was written
    too_many = CliRunner().invoke(group, ["extend", str(copied), "--trials", "99999"])
    assert "search.trials: must be at most" in str(too_many.exception)
    assert open_sweep(copied).outcome == "complete"  # nothing was written
    grid = SweepRecord("grid", load_sweep(TINY), {"cpu": "some"})
    Store(tmp_path / "grid").write("sweep.yaml", grid.to_yaml().encode())
    refused = CliRunner().invoke(group, ["extend", str(tmp_path / "grid"), *arguments])
    assert "must be a search to have more trials, got a grid" in str(refused.exception)


def test_a_pause_has_an_exit_code_of_its_own_and_says_how_to_go_on(result: SweepResult, tmp_path: Path) -> None:
    copied = tmp_path / "copy"
    shutil.copytree(result.directory, copied)
    assert CliRunner().invoke(group, ["pause", str(copied)]).exit_code == 0
    arguments = ["--executor", "local", "--offline-tracking"]
    ended = CliRunner().invoke(group, ["extend", str(copied), "--trials", "1", *arguments])
    assert (ended.exit_code, "paused by the file PAUSE before trial 2" in ended.output) == (3, True)
    said = CliRunner().invoke(group, ["status", str(copied)]).output
    assert ": paused" in said
    assert "4 trials: 4 complete" in said
    assert f"to go on: delete the file PAUSE in {copied}, then pgan-ray resume {copied}" in said
    (copied / "PAUSE").unlink()
    ended = CliRunner().invoke(group, ["resume", str(copied), *arguments])
    assert (ended.exit_code, open_sweep(copied).trials().num_rows) == (0, 6)
    Store(tmp_path / "grid").write("sweep.yaml", SweepRecord("grid", load_sweep(TINY)).to_yaml().encode())
    refused = CliRunner().invoke(group, ["pause", str(tmp_path / "grid")])
    assert "must be a search to be paused between two waves, got a grid" in str(refused.exception)
    assert not (tmp_path / "grid" / "PAUSE").exists()


@pytest.fixture(scope="module")
def each(folder: Path) -> SweepResult:
    """A search against each of two pipelines of defences."""
    tree = search_file(search__trials=2, search__baseline="random", **AGAINST_EACH)
    return run_sweep(tree, out=folder / "each", executor="local", offline_tracking=True)


def test_against_each_defence_trials_are_judged_by_it_alone_and_the_best_meet_all(each: SweepResult) -> None:
    trials = each.trials().to_pylist()
    none, both = "defence=none", "defence=slab+sphere"
    assert [row["against"] for row in trials] == [none] * 4 + [both] * 4
    rows = each.rows().to_pandas()
    met = rows.groupby(rows["configuration"].str.partition("=")[0])["variant"].unique()
    assert {name: sorted(found) for name, found in met.items()} == {
        **{f"{kind}_1": [none] for kind in ("trial", "random")},
        **{f"{kind}_2": [both] for kind in ("trial", "random")},
        **{f"confirmed_{kind}": [none, both] for kind in ("1", "2", "random_1", "random_2")},
        "validation,control": [none, both],
    }
    # Each is confirmed by the defence that it was searched against.
    changes = {(one.configuration, one.variant, one.control): one.rates[HARMS["damage"]] for one in each.changes}
    for one in each.confirmations():
        faced = both if one.trial.key[0].endswith("2") else none
        assert one.again.harm == changes[one.configuration, faced, "none"]


def test_which_defence_helps_is_answered_by_attacks_that_were_searched_against_each(each: SweepResult) -> None:
    (found,) = each.by_defence
    assert ([row.defence for row in found.rows], found.attacks) == (["none", "slab+sphere"], 4)
    assert {row.attack for row in found.rows} <= {one.configuration for one in each.confirmations()}
    page = Path(each.directory, "report", "index.html").read_text(encoding="utf-8")
    for text in (
        "The attacks are the best of a search against each variant.",
        "Harm and detectability of the trials against defence=slab+sphere",
        "random trial 0 against defence=none",
    ):
        assert text in page, text
    said = CliRunner().invoke(group, ["best", str(each.directory)]).output
    assert re.search(r"confirmed (random )?\d against defence=", " ".join(said.split()))


@pytest.fixture(scope="module")
def stopping(folder: Path) -> SweepResult:
    """A search that stopped one of its two trials."""
    tree = search_file(**STOPS, search__rungs=[0.5], search__trials=2)
    return run_sweep(tree, out=folder / "stopping", executor="local", tracking_uri=f"sqlite:///{folder}/stopping.db")


def test_a_trial_that_was_stopped_is_told_everywhere_and_is_no_result(stopping: SweepResult) -> None:
    rows = {row["state"]: row for row in stopping.trials().to_pylist()}
    assert set(rows) == {"complete", "stopped"}
    stopped = rows["stopped"]
    assert (stopped["harm"], stopped["probed_at"]) == (None, 0.5)
    assert stopped["probe_harm"] <= rows["complete"]["probe_harm"]
    assert [one.trial.key[1] for one in stopping.confirmations()] == [rows["complete"]["number"]]
    assert stopping.summary["trials"] == {"complete": 1, "stopped": 1}
    said = CliRunner().invoke(group, ["status", str(stopping.directory)]).output
    assert "2 trials: 1 complete, 1 stopped early" in said
    page = Path(stopping.directory, "report", "index.html").read_text(encoding="utf-8")
    for text in ("2 trials were suggested, of which 1 stopped early", "Trials that were stopped early"):
        assert text in page
    assert f"trial={stopped['number']:04d}" not in page


def test_mlflow_has_the_probes_of_trials_and_ends_those_that_were_stopped(
    stopping: SweepResult, folder: Path, tmp_path: Path
) -> None:
    rows = {row["state"]: row for row in stopping.trials().to_pylist()}
    uris = [f"sqlite:///{folder}/stopping.db", f"sqlite:///{tmp_path}/again.db"]
    before = Reader(uris[0]).everything()
    for uri in uris:
        rebuild(Store(stopping.directory), stopping.record, tracking_uri=uri)
        reader = Reader(uri)
        for state, status in (("complete", "FINISHED"), ("stopped", "KILLED")):
            name = f"trial={rows[state]['number']:04d}"
            run = reader.runs()[name]
            assert (run.info.status, run.data.tags["pgan.state"]) == (status, state)
            assert reader.curve(name, "probe/harm") == [(50, rows[state]["probe_harm"])]
        assert not {one.info.status for one in reader.runs().values()} & {"RUNNING"}
        parent = reader.runs()[stopping.record.id]
        assert parent.data.params["search.scheduler"] == "successive_halving"
        assert "configurations" not in parent.data.params  # a search may be extended
        assert parent.data.tags["pgan.configurations"] == str(len(stopping.configurations))
    assert Reader(uris[0]).everything() == before


def test_a_search_that_was_extended_is_not_complete_by_its_last_end(result: SweepResult, tmp_path: Path) -> None:
    copied = tmp_path / "copy"
    shutil.copytree(result.directory, copied)
    assert ": complete" in CliRunner().invoke(group, ["status", str(copied)]).output
    (copied / "sweep.yaml").write_text(extend_search(Store(copied), 2).to_yaml())  # and killed then
    said = CliRunner().invoke(group, ["status", str(copied)]).output
    assert ": unfinished" in said
    assert f"to go on: pgan-ray resume {copied}" in said
    finished, planned = said.splitlines()[1].removesuffix(" victims").split("/")
    assert int(finished) < int(planned)


def test_another_begins_with_its_best(result: SweepResult) -> None:
    options, notice = RunOptions("local"), list[str]().append
    tree = search_file(attack__alpha={"range": [0.05, 1]}, search__trials=8)
    warm = resolve_sweep(tree, "body", (), options, notice, warm_from=result.directory)
    assert warm.search is not None
    own, *others = warm.search.spec.start
    assert own == {"alpha": 0.1}
    trials = result.trials().slice(0, 2).to_pylist()
    assert others[0]["iterations"] == max(trials, key=lambda one: one["harm"])["iterations"]
    assert 1 <= len(others) <= 2
    tree["seed"] = 1  # digits are split by it
    with pytest.raises(SpecError, match="must be a search that split its data by the seed of this one, 1, got 0"):
        resolve_sweep(tree, "body", (), options, notice, warm_from=result.directory)
    tree["dataset"] = {"name": "digits", "split_seed": 0}
    with pytest.raises(SpecError, match="must go with a search, got a grid"):
        resolve_sweep(TINY, "body", (), options, notice, warm_from=result.directory)


def test_another_begins_with_the_best_against_each_variant_in_turn(each: SweepResult) -> None:
    options, notice = RunOptions("local"), list[str]().append
    tree = search_file(search__trials=8, search__start=[])
    warm = resolve_sweep(tree, "body", (), options, notice, warm_from=each.directory)
    assert warm.search is not None
    trials = [row for row in each.trials().to_pylist() if row["series"].startswith("trial")]
    first = [
        max((row for row in trials if row["against"] == against), key=lambda row: row["harm"])["iterations"]
        for against in ("defence=none", "defence=slab+sphere")
    ]
    assert [values["iterations"] for values in warm.search.spec.start[:2]] == first


def test_what_a_trial_left_is_not_taken_for_that_of_another_one(result: SweepResult, tmp_path: Path) -> None:
    copied = tmp_path / "copy"
    shutil.copytree(result.directory, copied)
    (copied / "search" / "trial" / "0001.json").unlink()
    arguments = ["resume", str(copied), "--executor", "local", "--offline-tracking"]
    refused = CliRunner().invoke(group, arguments).exception
    assert isinstance(refused, SpecError)
    assert [line.partition(": ")[0] for line in refused.faults] == [
        f"{copied}/{kind}/trial=0001" for kind in ("generators", "victims")
    ]
    for line in refused.faults:
        assert "bring it back, or delete this folder, so that the trial is run again" in line
        shutil.rmtree(line.partition(": ")[0])
    assert CliRunner().invoke(group, arguments).exit_code == 0
    assert open_sweep(copied).trials().equals(result.trials())


def test_a_damaged_trial_is_told_by_every_command_before_anything_starts(result: SweepResult, tmp_path: Path) -> None:
    copied = tmp_path / "copy"
    shutil.copytree(result.directory, copied)
    (copied / "search" / "trial" / "0001.json").write_text("{}")
    for command in (["resume", "--executor", "local"], ["report"], ["best"], ["track"]):
        ended = CliRunner().invoke(group, [command[0], str(copied), *command[1:]])
        assert isinstance(ended.exception, SpecError)
        assert f"{copied}/search/trial/0001.json: " in str(ended.exception)
