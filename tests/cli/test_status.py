"""How sweeps are, from another terminal; and the completion of the command's words."""

import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pgan_ray import open_sweep, run_sweep
from pgan_ray.api.told import Told
from pgan_ray.cli.main import group
from pgan_ray.errors import SpecError
from pgan_ray.results import Store, holder_of, lease
from pgan_ray.runner import Silent, SweepState
from pgan_ray.runner.progress import Snapshot, snapshot
from tests.tiny import CELLS, TINY


def pgan_ray(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, [str(one) for one in arguments])


def nobodys_home() -> Path:
    """As of a container's user without an entry: pathlib's own words."""
    raise RuntimeError("Could not determine home directory.")


def halfway() -> SweepState:
    """How far a sweep is in its middle."""
    state = SweepState(generators=4, victims=CELLS, generators_done=1, victims_done=6)
    state.trials, state.trial_costs = {"one": 0.5}, {"one": 1.0}
    state.losses["alpha=0.1", 1] = {"generator_loss": 0.25}
    return state


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished sweep and other things in it."""
    folder = tmp_path_factory.mktemp("sweeps")
    run_sweep(TINY, out=folder / "tiny", executor="local", offline_tracking=True)
    (folder / "notes").mkdir()
    (folder / "broken").mkdir()
    (folder / "broken" / "sweep.yaml").write_text("name: x")
    return folder


def test_a_finished_sweep_says_its_strongest_attack_and_where_to_look(sweeps: Path) -> None:
    ended = pgan_ray("status", sweeps / "tiny")
    first, cells, best, where = ended.output.splitlines()
    assert first.endswith(": complete")
    assert cells == f"{CELLS}/{CELLS} victims"
    assert best.startswith("strongest attack: alpha=0.")
    assert " points (2 replicates)" in best
    assert where == f"its results: pgan-ray report {sweeps}/tiny, pgan-ray best {sweeps}/tiny"


def test_its_strongest_attack_is_known_without_the_tables_and_by_them_alone(sweeps: Path, tmp_path: Path) -> None:
    shutil.copytree(sweeps / "tiny", tmp_path / "tiny")
    file = tmp_path / "tiny" / "summary.json"
    text = file.read_text()
    said = pgan_ray("status", tmp_path / "tiny").output
    assert "strongest attack: " in said
    file.write_text(text[: text.index('"points"') + 20])
    assert pgan_ray("status", tmp_path / "tiny").output == said
    told = json.loads(text)
    del told["strongest"]  # earlier versions did not say it
    file.write_text(json.dumps(told, indent=1))
    assert pgan_ray("status", tmp_path / "tiny").output == said


def test_one_that_was_ranked_behind_defences_says_no_strongest_attack(tmp_path: Path) -> None:
    """As earlier versions did, which kept the changes of the first in that ranking alone."""
    defences = {"grid": [[], [{"name": "trim"}]]}
    told = TINY | {"evaluation": TINY["evaluation"] | {"defence": defences}}
    ran = run_sweep(told, out=tmp_path / "s", executor="local", offline_tracking=True)
    (group,) = open_sweep(tmp_path / "s").by_defence
    assert ([group], [row.defence for row in group.rows]) == (ran.by_defence, ["none", "trim"])
    assert "strongest attack: " in pgan_ray("status", tmp_path / "s").output
    file = tmp_path / "s" / "summary.json"
    summary = json.loads(file.read_text())
    del summary["by_defence"]
    file.write_text(json.dumps(summary, indent=1))
    assert "strongest attack: " not in pgan_ray("status", tmp_path / "s").output


def test_one_whose_component_failed_says_what_may_be_done(sweeps: Path, tmp_path: Path) -> None:
    shutil.copytree(sweeps / "tiny", tmp_path / "tiny")
    assert "pgan-ray resume" not in pgan_ray("status", tmp_path / "tiny").output
    file = tmp_path / "tiny" / "summary.json"
    told = json.loads(file.read_text()) | {"outcome": "partial", "cells": {"planned": CELLS, "finished": CELLS - 3}}
    file.write_text(json.dumps(told, indent=1))
    said = pgan_ray("status", tmp_path / "tiny").output
    assert f"{CELLS - 3}/{CELLS} victims" in said
    assert f"once what failed is fixed: pgan-ray resume {tmp_path / 'tiny'}" in said


def test_one_that_runs_says_how_far_it_is_and_by_whom(sweeps: Path) -> None:
    store = Store(sweeps / "tiny")
    with lease(store, pytest.fail) as claim:
        told = Told(Silent(), claim)
        told.update(halfway(), 1)
        claim._write()  # as it does every ten seconds
        ended = pgan_ray("status", sweeps / "tiny")
        first, now = ended.output.splitlines()
        assert f": running, by process {os.getpid()} on " in first
        assert "1/4 generators  6/24 victims  training 50% done  alpha=0.1/r1: generator loss 0.25" in now
        assert "running" in pgan_ray("list", sweeps).output
    assert holder_of(store) is None


@pytest.mark.parametrize("progress", [3, [], {"seconds": "x"}, {"losses": 1}, {"other": 1}])
def test_odd_progress_is_none(sweeps: Path, progress: Any) -> None:
    file = sweeps / "tiny" / "driver.json"
    try:
        with lease(Store(sweeps / "tiny"), pytest.fail):
            content = json.loads(file.read_text())
            file.write_text(json.dumps({**content, "progress": progress}))
            ended = pgan_ray("status", sweeps / "tiny")
            assert (ended.exit_code, ": running" in ended.output) == (0, True)
    finally:
        file.unlink(missing_ok=True)


def test_a_snapshot_reads_back() -> None:
    made = snapshot(halfway(), 2)
    assert Snapshot.read(json.loads(json.dumps(asdict(made)))) == made


def test_a_driver_that_died_here_is_at_work_no_more(sweeps: Path) -> None:
    store, file = Store(sweeps / "tiny"), sweeps / "tiny" / "driver.json"
    with lease(store, pytest.fail):
        content = json.loads(file.read_text())
    file.write_text(json.dumps({**content, "pid": 2**22 + 1}))
    try:
        assert pgan_ray("status", sweeps / "tiny").output.splitlines()[0].endswith(": complete")
    finally:
        file.unlink()


def test_of_one_whose_driver_died_it_is_said_how_far_that_one_was(sweeps: Path, tmp_path: Path) -> None:
    shutil.copytree(sweeps / "tiny", tmp_path / "tiny")
    summary, driver = tmp_path / "tiny" / "summary.json", tmp_path / "tiny" / "driver.json"
    told = json.loads(summary.read_text())
    told |= {"outcome": "interrupted", "cells": {"planned": CELLS, "finished": 3}}  # the one before
    summary.write_text(json.dumps(told))
    with lease(Store(tmp_path / "tiny"), pytest.fail) as claim:
        claim.progress = asdict(snapshot(halfway(), 1))
        claim._write()
        content = json.loads(driver.read_text())
    driver.write_text(json.dumps({**content, "pid": 2**22 + 1}))
    for _ in range(2):
        first, cells, *_ = pgan_ray("status", tmp_path / "tiny").output.splitlines()
        assert (first.rpartition(": ")[2], cells) == ("unfinished", f"6/{CELLS} victims")
        assert f"6/{CELLS}" in pgan_ray("list", tmp_path).output
        summary.unlink(missing_ok=True)  # as of a first run
    # It had written its end, and died while it delivered.
    summary.write_text(json.dumps(told | {"outcome": "paused", "cells": {"planned": CELLS, "finished": 6}}))
    assert pgan_ray("status", tmp_path / "tiny").output.splitlines()[0].endswith(": paused")


def test_the_list_has_sweeps_alone_and_says_what_it_leaves_out(sweeps: Path) -> None:
    ended = pgan_ray("list", sweeps)
    assert ended.exit_code == 0
    assert "tiny" in ended.output
    assert f"{CELLS}/{CELLS}" in ended.output
    assert "notes" not in ended.output
    assert f"left out: {sweeps}/broken/sweep.yaml" in ended.output


def test_the_end_of_another_sweep_is_left_out_by_name(sweeps: Path, tmp_path: Path) -> None:
    shutil.copytree(sweeps / "tiny", tmp_path / "tiny")
    file = tmp_path / "tiny" / "summary.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"sweep_id": "other"}))
    for ended in (pgan_ray("status", tmp_path / "tiny"), pgan_ray("list", tmp_path)):
        assert f"left out: {file}: must be of the sweep " in ended.output
        assert "complete" not in ended.output


def test_a_link_into_the_sweep_beside_it_is_not_followed(sweeps: Path, tmp_path: Path) -> None:
    for name in ("one", "other"):
        shutil.copytree(sweeps / "tiny", tmp_path / name)
    file = tmp_path / "one" / "summary.json"
    file.unlink()
    file.symlink_to("../other/summary.json")
    (tmp_path / "moved").symlink_to(sweeps / "tiny")
    ended = pgan_ray("list", tmp_path)
    assert f"left out: {file}: must not be a symbolic link out of the sweep's directory" in ended.output
    assert ended.output.count(f"{CELLS}/{CELLS}") == 2  # a sweep may be on another disk


def test_an_end_that_nobody_comes_to_is_none(sweeps: Path, tmp_path: Path) -> None:
    shutil.copytree(sweeps / "tiny", tmp_path / "tiny")
    file = tmp_path / "tiny" / "summary.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"outcome": "splendid"}))
    assert ": unfinished" in pgan_ray("status", tmp_path / "tiny").output


@pytest.mark.parametrize("place", ["hdfs://host:8020/x", 300 * "x"])
def test_a_list_of_what_cannot_be_read_is_one_line(place: str) -> None:
    refused = pgan_ray("list", place).exception
    assert isinstance(refused, SpecError)
    assert "must be a place that can be read, got " in str(refused)
    assert len(str(refused).splitlines()) == 1


def test_a_list_of_nothing_is_refused(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nothing"):
        assert "must contain directories of sweeps, got none" in str(pgan_ray("list", place).exception)
    assert isinstance(pgan_ray("status", tmp_path).exception, SpecError)


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_completions_are_installed_where_a_shell_looks(
    shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    ended = pgan_ray("completion", shell, "--install")
    assert ended.exit_code == 0, ended.output
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert "_PGAN_RAY_COMPLETE" in file.read_text()
    assert str(file) in ended.output
    with monkeypatch.context() as patch:
        patch.setattr(Path, "home", nobodys_home)
        assert "must have a home directory" in str(pgan_ray("completion", shell, "--install").exception)
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    assert "must be a file that can be written" in str(pgan_ray("completion", shell, "--install").exception)


def test_shipped_sweeps_and_folders_are_completed() -> None:
    from pgan_ray.cli import options

    made = group.get_command(group.make_context("pgan-ray", ["sweep", "x"], resilient_parsing=True), "sweep")
    assert made is not None
    context = made.make_context("sweep", [], resilient_parsing=True)
    (file,) = (parameter for parameter in made.params if parameter.name == "file")
    assert [one.value for one in file.shell_complete(context, "mnist_w")] == ["mnist_worst_case", "mnist_w"]
    assert [one.type for one in options.complete_directory(context, file, "re")] == ["dir"]
