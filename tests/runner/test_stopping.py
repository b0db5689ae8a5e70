"""Searches that stop trials at rungs: who goes on, with which bits, after any interruption."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pgan_ray.attacks import train_stack
from pgan_ray.errors import SpecError
from pgan_ray.evaluation import evaluate_cells
from pgan_ray.results import Store, Trial, check_resumable, read_rows, read_sweep, read_trials
from pgan_ray.runner import Engine, SweepOutcome
from pgan_ray.spec import Sweep
from tests.runner.sweeps import InterruptOnce, Notices, trial_files, without_seconds
from tests.searches import STOPS, small_search

Run = Callable[..., SweepOutcome]
START = [{"alpha": alpha, "iterations": 12, "sample_from": "last"} for alpha in (0.1, 0.9, 0.02, 0.5, 0.3)]


def stopping_search(**changes: Any) -> Sweep:
    """Five trials, whose values are given, in waves of three."""
    given = {"search__trials": 5, "search__parallel": 3, "search__rungs": [0.3, 0.6], "search__start": START}
    return small_search(**STOPS, **{**given, **changes})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("finished") / "search"


@pytest.fixture
def undisturbed(finished: Path, run_search: Run) -> Path:
    """The directory of such a search that ran to its end; made once."""
    if not (finished / "summary.json").exists():
        notices = Notices()
        outcome = run_search(stopping_search(), finished, notices)
        assert (outcome.outcome, outcome.failures) == ("complete", [])
        assert "5 of 5 trials, " in notices.lines[-1]
        assert " of them stopped early; the best is" in notices.lines[-1]
    return finished


def trials_of(directory: Path) -> list[Trial]:
    store = Store(directory)
    return list(read_trials(store, read_sweep(store)).values())


def test_at_each_rung_the_worse_half_is_stopped_and_costs_no_victims(undisturbed: Path) -> None:
    trials = trials_of(undisturbed)
    assert {one.state for one in trials} == {"complete", "stopped"}
    rungs = [[one for one in trials if len(one.probes) > rung] for rung in (0, 1)]
    assert len(rungs[0]) == 5
    first = [one for one in rungs[0] if one.key[1] < 3]  # two of three go on, and of five three at most
    assert sum(len(one.probes) > 1 for one in first) == 2
    for one in trials:
        name = f"trial={one.key[1]:04d}"
        is_whole = one.state == "complete"
        assert (undisturbed / "generators" / name).exists() == is_whole
        assert (undisturbed / "victims" / name).exists() == is_whole
        assert [probe.share for probe in one.probes] == [0.3, 0.6][: len(one.probes)]
        assert all(probe.harm is not None and probe.harm.cells == 2 for probe in one.probes)
    summary = json.loads((undisturbed / "summary.json").read_text())
    planned, finished = summary["cells"]["planned"], summary["cells"]["finished"]
    whole = sum(one.state == "complete" for one in trials)
    assert planned == finished == whole * 4 + 4 + 8
    assert summary["generators"] == {"planned": 2 * whole + 2, "finished": 2 * whole + 2}
    assert not (undisturbed / "tune").exists()


def test_what_goes_on_has_the_bits_of_what_was_never_stopped_on_the_way(
    undisturbed: Path, run_search: Run, tmp_path: Path
) -> None:
    plain = small_search(search__trials=5, search__parallel=3, search__start=START)
    assert run_search(plain, tmp_path / "plain").outcome == "complete"
    whole = [f"trial={one.key[1]:04d}" for one in trials_of(undisturbed) if one.state == "complete"]
    assert whole
    for name in whole:
        for file in ("r0/poison.safetensors", "r1/poison.safetensors", "r0/samples.safetensors"):
            one, other = (place / "generators" / name / file for place in (undisturbed, tmp_path / "plain"))
            assert one.read_bytes() == other.read_bytes()
        # Their digests of the sweep differ; their rows do not.
        rows = (read_rows(Store(place), name) for place in (undisturbed, tmp_path / "plain"))
        one, other = map(without_seconds, rows)
        assert one == other


@pytest.mark.parametrize("moment", [1, 7, 12, 19, 26, 40])
def test_interrupted_wherever_the_same_trials_are_stopped(
    undisturbed: Path, run_search: Run, tmp_path: Path, moment: int
) -> None:
    directory, count = tmp_path / "search", itertools.count()
    stop = InterruptOnce(lambda state: next(count) == moment)
    assert run_search(stopping_search(), directory, stop).outcome == "interrupted"
    assert run_search(stopping_search(), directory).outcome == "complete"
    assert trial_files(directory) == trial_files(undisturbed)
    assert without_seconds(read_rows(Store(directory))) == without_seconds(read_rows(Store(undisturbed)))


def test_a_kill_between_a_verdict_and_the_next_changes_neither(
    undisturbed: Path, run_search: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, real = tmp_path / "search", Store.write

    def dies(self: Store, name: str, content: bytes, **options: Any) -> None:
        real(self, name, content, **options)
        if b'"stopped"' in content:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Store, "write", dies)
        assert run_search(stopping_search(), directory).outcome == "interrupted"
    assert [one.state for one in trials_of(directory)].count("stopped") == 1
    assert run_search(stopping_search(), directory).outcome == "complete"
    assert trial_files(directory) == trial_files(undisturbed)


def test_stacks_of_single_replicates_come_to_the_rung_each(run_search: Run, tmp_path: Path) -> None:
    outcome = run_search(stopping_search(), tmp_path / "search", members=(1, 4))
    assert (outcome.outcome, outcome.failures) == ("complete", [])
    probes = sorted(file.name for file in (tmp_path / "search" / "probes" / "trial=0000" / "0.3").iterdir())
    assert probes == ["r0-0.parquet", "r1-1.parquet"]
    assert "stopped" in [one.state for one in trials_of(tmp_path / "search")]


def test_a_generator_that_is_lost_before_a_rung_fails_its_trial_alone(run_search: Run, tmp_path: Path) -> None:
    def breaks(config: Any, *arguments: Any, **options: Any) -> Any:
        if config.alpha == 0.9:
            raise ZeroDivisionError("no such thing")
        return train_stack(config, *arguments, **options)

    outcome = run_search(stopping_search(), tmp_path / "search", engine=Engine(stack=breaks))
    assert (outcome.outcome, len(outcome.failures)) == ("complete", 1)
    trials = trials_of(tmp_path / "search")
    assert trials[1].state == "failed"
    assert trials[1].message == "not every replicate has a generator after 30 % of the training"
    assert trials[1].probes == ()


def test_a_generator_that_diverges_before_a_rung_fails_its_trial(run_search: Run, tmp_path: Path) -> None:
    diverges = {"name": "sgd", "learning_rate": 1e8}
    sweep = stopping_search(attack__discriminator__optimizer=diverges, attack__iterations={"range": [10, 60]})
    outcome = run_search(sweep, tmp_path / "search")
    assert outcome.failures[-1] == "no trial has a score, so there is nothing to confirm"
    for one in trials_of(tmp_path / "search"):
        assert one.state == "failed"
        assert one.message.startswith("not every replicate has a generator after 30 % of the training")


def test_what_a_probe_cannot_score_is_not_stopped_by_it(run_search: Run, tmp_path: Path) -> None:
    seen: set[str] = set()

    def loses(cells: Any, spec: Any, task: Any, attack: Any, *, attack_name: str = "", **options: Any) -> Any:
        first = cells[0]
        if first.configuration == "trial=0001" and first.replicate == 1 and first.id not in seen:
            seen.add(first.id)  # its probe, and not the victims that follow
            attack = Broken()
        return evaluate_cells(cells, spec, task, attack, attack_name=attack_name, **options)

    class Broken:
        def sample(self, *_: Any) -> Any:
            raise ZeroDivisionError("no such thing")

    outcome = run_search(stopping_search(search__rungs=[0.3]), tmp_path / "search", engine=Engine(evaluate=loses))
    trial = trials_of(tmp_path / "search")[1]
    assert seen
    assert (outcome.outcome, trial.state, trial.probes[0].harm) == ("complete", "complete", None)


def test_a_probe_that_is_damaged_is_named_and_one_that_is_gone_is_taken_again(
    undisturbed: Path, run_search: Run, tmp_path: Path
) -> None:
    directory, count = tmp_path / "search", itertools.count()
    run_search(stopping_search(), directory, InterruptOnce(lambda state: next(count) == 12))
    file = next((directory / "probes").rglob("*.parquet"))
    file.write_bytes(b"x")
    store = Store(directory)
    with pytest.raises(SpecError, match=r"probes/trial=\d+/0\.3/r0-1\.parquet: .*the trial is probed again"):
        check_resumable(store, read_sweep(store))
    file.unlink()
    assert run_search(stopping_search(), directory).outcome == "complete"
    assert trial_files(directory) == trial_files(undisturbed)


def test_a_random_search_beside_it_is_stopped_by_its_own_trials(run_search: Run, tmp_path: Path) -> None:
    sweep = stopping_search(search__baseline="random", search__rungs=[0.3])
    assert run_search(sweep, tmp_path / "search").outcome == "complete"
    trials = trials_of(tmp_path / "search")
    for series in ("trial", "random"):
        of_first_wave = [one.state for one in trials if one.key[0] == series and one.key[1] < 3]
        assert sorted(of_first_wave) == ["complete", "complete", "stopped"]


def test_a_training_that_ends_before_a_rung_has_no_probe_and_is_not_stopped(run_search: Run, tmp_path: Path) -> None:
    start = [{"alpha": alpha, "sample_from": "last"} for alpha in (0.1, 0.9)]
    sweep = stopping_search(attack__iterations=1, search__trials=2, search__start=start)
    outcome = run_search(sweep, tmp_path / "search")
    assert (outcome.outcome, outcome.failures) == ("complete", [])
    for one in trials_of(tmp_path / "search"):
        assert (one.state, [probe.harm for probe in one.probes]) == ("complete", [None, None])
    assert not (tmp_path / "search" / "probes").exists()
