"""Whole searches in this process: waves, resuming with the same bits, what ends them, what is confirmed."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pgan_ray.attacks import train_stack
from pgan_ray.evaluation import evaluate_cells
from pgan_ray.results import Store, read_rows, read_trials
from pgan_ray.runner import Engine, SweepOutcome
from pgan_ray.runner.searching import scores_text
from pgan_ray.search import make_sampler
from pgan_ray.spec import SweepRecord, load_record
from pgan_ray.tracking import MemoryTracker
from pgan_ray.tracking.events import SweepExtended, SweepFinished, SweepStarted
from tests.runner.sweeps import InterruptOnce, Notices, trial_files, without_seconds
from tests.searches import AGAINST_EACH, STOPS, search_of, small_search, trial


@pytest.fixture
def run(run_search: Callable[..., SweepOutcome]) -> Callable[..., SweepOutcome]:
    return run_search


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("finished") / "search"


@pytest.fixture
def undisturbed(finished: Path, run: Callable[..., SweepOutcome]) -> Path:
    """The directory of a small search that ran to its end; made once."""
    if not (finished / "summary.json").exists():
        notices, tracker = Notices(), MemoryTracker()
        outcome = run(small_search(), finished, notices, tracker)
        assert (outcome.outcome, outcome.failures) == ("complete", [])
        assert [line.partition(";")[0] for line in notices.lines] == ["tpe: 2 of 4 trials", "tpe: 4 of 4 trials"]
        kinds = [type(event) for event in tracker.events]
        assert (kinds.count(SweepStarted), kinds.count(SweepFinished)) == (1, 1)
        assert kinds.count(SweepExtended) == 3
    return finished


def test_trials_are_scored_and_the_best_is_confirmed(undisturbed: Path) -> None:
    record, store = SweepRecord("one", small_search()), Store(undisturbed)
    trials = read_trials(store, load_record((undisturbed / "sweep.yaml").read_text(), "sweep.yaml"))
    assert [one.state for one in trials.values()] == ["complete"] * 4
    assert trials["trial", 0].values["alpha"] == 0.1
    best = max(trials.values(), key=lambda one: one.point[0])
    confirmed = json.loads((undisturbed / "search" / "confirmed.json").read_text())["trials"]
    assert confirmed == [list(best.key)]
    rows = read_rows(store)
    of_result = [row for row in rows.to_pylist() if row["configuration"] == f"confirmed={best.key[1]:04d}"]
    assert len(of_result) == 8
    assert {row["dataset"] for row in of_result} == {"digits"}
    others = [row for row in rows.to_pylist() if not row["configuration"].startswith("confirmed")]
    assert {row["dataset"] for row in others} == {"digits (validation)"}
    assert len(others) == 4 * 4 + 4  # and the clean victims, once
    assert record.sweep.search is not None


def test_a_finished_search_has_nothing_left_to_do(undisturbed: Path, run: Callable[..., SweepOutcome]) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("it must not train")

    before = trial_files(undisturbed)
    assert run(small_search(), undisturbed, engine=Engine(never, never)).outcome == "complete"
    assert trial_files(undisturbed) == before


@pytest.mark.parametrize("trained", [1, 5, 9])
def test_interrupted_wherever_it_ends_with_the_same_trials_and_rows(
    undisturbed: Path, run: Callable[..., SweepOutcome], tmp_path: Path, trained: int
) -> None:
    directory = tmp_path / "search"
    stop = InterruptOnce(lambda state: state.generators_done >= trained)
    assert run(small_search(), directory, stop).outcome == "interrupted"
    assert json.loads((directory / "summary.json").read_text())["outcome"] == "interrupted"
    assert run(small_search(), directory).outcome == "complete"
    assert trial_files(directory) == trial_files(undisturbed)
    assert without_seconds(read_rows(Store(directory))) == without_seconds(read_rows(Store(undisturbed)))


def test_what_of_a_wave_was_not_written_down_is_asked_for_again(
    undisturbed: Path, run: Callable[..., SweepOutcome], tmp_path: Path
) -> None:
    directory, search = tmp_path / "search", search_of(small_search())
    stop = InterruptOnce(lambda state: state.generators_done >= 1)
    run(small_search(), directory, stop)
    (directory / "search" / "trial" / "0001.json").unlink()
    run(small_search(), directory)
    assert trial_files(directory) == trial_files(undisturbed)
    asked = make_sampler(search, 0).ask(("trial", 0), [])
    assert asked.values == json.loads((directory / "search" / "trial" / "0000.json").read_text())["values"]


def test_searches_against_each_variant_stop_and_are_resumed_alike(
    run: Callable[..., SweepOutcome], tmp_path: Path
) -> None:
    sweep = small_search(search__trials=2, search__rungs=[0.5], controls=True, **STOPS, **AGAINST_EACH)
    whole, directory = tmp_path / "whole", tmp_path / "search"
    assert run(sweep, whole).outcome == "complete"
    assert run(sweep, directory, InterruptOnce(lambda state: state.generators_done >= 2)).outcome == "interrupted"
    assert run(sweep, directory).outcome == "complete"
    files, expected = (
        {file.relative_to(place): file.read_bytes() for file in (place / "search").rglob("*.json")}
        for place in (directory, whole)
    )
    assert len(expected) == 2 * 2 + 1
    assert files == expected
    assert without_seconds(read_rows(Store(directory))) == without_seconds(read_rows(Store(whole)))


def test_a_pause_ends_between_two_waves(undisturbed: Path, run: Callable[..., SweepOutcome], tmp_path: Path) -> None:
    class Pause(Notices):
        def update(self, state: Any, slots: int) -> None:
            (directory / "PAUSE").touch()

    directory, notices = tmp_path / "search", Pause()
    assert run(small_search(), directory, notices).outcome == "paused"
    assert notices.lines[-1] == "paused by the file PAUSE before trial 2: delete that file, then resume"
    assert len(trial_files(directory)) == 2
    (directory / "PAUSE").unlink()
    assert run(small_search(), directory).outcome == "complete"
    assert trial_files(directory) == trial_files(undisturbed)


def test_an_error_between_waves_is_told_with_its_traceback_and_nothing_is_lost(
    undisturbed: Path, run: Callable[..., SweepOutcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, real = tmp_path / "search", Store.write

    def full(self: Store, name: str, *arguments: Any, **options: Any) -> None:
        if name == "search/trial/0002.json":
            raise OSError(28, "No space left on device")
        real(self, name, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Store, "write", full)
        outcome = run(small_search(), directory)
    assert (outcome.outcome, outcome.can_go_on) == ("failed", True)
    assert "OSError: [Errno 28] No space left on device" in outcome.failures[0]
    assert json.loads((directory / "summary.json").read_text())["outcome"] == "failed"
    assert run(small_search(), directory).outcome == "complete"
    assert trial_files(directory) == trial_files(undisturbed)


@pytest.mark.parametrize(
    ("metric", "told"),
    [
        ("excess_rejection", "0 (alpha 0.1): harm 12.0 ± 1.0 points, detectability 5.0 ± 1.0 points"),
        ("detector_auc", "0 (alpha 0.1): harm 12.0 ± 1.0 points, AUC 5.0 ± 1.0 %"),
    ],
)
def test_a_trial_is_told_in_the_units_of_its_scores(metric: str, told: str) -> None:
    assert scores_text(replace(trial(0, 0.12, 0.05), values={"alpha": 0.1}), {"tails": metric}) == told


def test_a_trial_that_fails_is_told_and_the_search_goes_on(run: Callable[..., SweepOutcome], tmp_path: Path) -> None:
    def breaks(config: Any, *arguments: Any, **options: Any) -> Any:
        if config.alpha == 0.1:
            raise ZeroDivisionError("no such thing")
        return train_stack(config, *arguments, **options)

    directory = tmp_path / "search"
    outcome = run(small_search(), directory, engine=Engine(stack=breaks))
    assert outcome.outcome == "complete"
    assert ["ZeroDivisionError: no such thing" in failure for failure in outcome.failures] == [True]
    found = json.loads((directory / "search" / "trial" / "0000.json").read_text())
    assert (found["state"], found["harm"], found["message"]) == ("failed", None, "no score of its victims")


def test_where_all_fail_the_search_ends_and_can_be_gone_on_with(
    undisturbed: Path, run: Callable[..., SweepOutcome], tmp_path: Path
) -> None:
    def breaks(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("no such thing")

    directory = tmp_path / "search"
    outcome = run(small_search(), directory, engine=Engine(stack=breaks))
    assert (outcome.outcome, outcome.can_go_on) == ("failed", True)
    assert len(outcome.failures) == 2
    assert run(small_search(), directory).outcome == "complete"
    assert trial_files(directory) == trial_files(undisturbed)


def test_a_random_search_runs_beside_it(undisturbed: Path, run: Callable[..., SweepOutcome], tmp_path: Path) -> None:
    directory = tmp_path / "search"
    sweep = small_search(search__baseline="random", search__trials=2)
    assert run(sweep, directory).outcome == "complete"
    assert {file.parent.name for file in (directory / "search").rglob("000*.json")} == {"trial", "random"}
    confirmed = json.loads((directory / "search" / "confirmed.json").read_text())["trials"]
    assert [series for series, _ in confirmed] == ["trial", "random"]
    for name in ("0000.json", "0001.json"):  # as without it
        own, other = (json.loads((place / "search" / "trial" / name).read_text()) for place in (directory, undisturbed))
        assert own["values"] == other["values"]


def test_a_search_that_is_extended_keeps_its_trials_and_its_results(
    undisturbed: Path, run: Callable[..., SweepOutcome], tmp_path: Path
) -> None:
    directory = tmp_path / "search"
    assert run(small_search(search__trials=2), directory).outcome == "complete"
    before = json.loads((directory / "search" / "confirmed.json").read_text())["trials"]
    assert run(small_search(), directory).outcome == "complete"
    files = trial_files(directory)
    assert {name: files[name] for name in ("0000.json", "0001.json")} == {
        name: content for name, content in trial_files(undisturbed).items() if name in ("0000.json", "0001.json")
    }
    confirmed = json.loads(files["confirmed.json"])
    best, *others = confirmed["trials"]
    assert best == json.loads(trial_files(undisturbed)["confirmed.json"])["trials"][0]
    assert confirmed["among"] == 4
    assert others == [key for key in before if key != best]


def test_with_nothing_to_confirm_it_failed_and_can_be_extended(
    run: Callable[..., SweepOutcome], tmp_path: Path
) -> None:
    diverges = {"name": "sgd", "learning_rate": 1e8}
    sweep = small_search(
        search__trials=2, attack__discriminator__optimizer=diverges, attack__iterations={"range": [50, 60]}
    )
    outcome = run(sweep, tmp_path / "search")
    assert (outcome.outcome, outcome.can_go_on) == ("failed", True)
    assert outcome.failures[-1] == "no trial has a score, so there is nothing to confirm"
    assert len(outcome.diverged) == 4
    summary = json.loads((tmp_path / "search" / "summary.json").read_text())
    assert len(summary["diverged"]) == 4
    found = json.loads((tmp_path / "search" / "search" / "trial" / "0000.json").read_text())
    assert found["message"].startswith("no score of its victims; a generator diverged: ")
    longer = small_search(
        search__trials=3, attack__discriminator__optimizer=diverges, attack__iterations={"range": [50, 60]}
    )
    assert run(longer, tmp_path / "search").outcome == "failed"
    assert len(list((tmp_path / "search" / "search" / "trial").iterdir())) == 3


def test_beside_a_control_without_scores_no_trial_is_judged(
    undisturbed: Path, run: Callable[..., SweepOutcome], tmp_path: Path
) -> None:
    def loses(cells: Any, *arguments: Any, attack_name: str = "", **options: Any) -> Any:
        if attack_name == "none" and cells[0].replicate == 1:
            raise ZeroDivisionError("lost")
        return evaluate_cells(cells, *arguments, attack_name=attack_name, **options)

    directory = tmp_path / "search"
    outcome = run(small_search(), directory, engine=Engine(evaluate=loses))
    assert (outcome.outcome, outcome.can_go_on) == ("failed", True)
    assert outcome.failures[-1] == "trials cannot be judged: cells of validation,control=none have no score"
    assert run(small_search(), directory).outcome == "complete"
    assert trial_files(directory) == trial_files(undisturbed)


def test_a_trial_that_fails_alone_in_its_wave_does_not_end_the_search(
    run: Callable[..., SweepOutcome], tmp_path: Path
) -> None:
    def breaks(config: Any, *arguments: Any, **options: Any) -> Any:
        if config.alpha == 0.2:
            raise ZeroDivisionError("no such thing")
        return train_stack(config, *arguments, **options)

    sweep = small_search(search__trials=3, search__start=[{"alpha": 0.1}, {"alpha": 0.3}, {"alpha": 0.2}])
    outcome = run(sweep, tmp_path / "search", engine=Engine(stack=breaks))
    assert (outcome.outcome, len(outcome.failures)) == ("complete", 1)
    summary = json.loads((tmp_path / "search" / "summary.json").read_text())
    assert "ZeroDivisionError: no such thing" in summary["failures"][0]
    assert (summary["cells"]["planned"], summary["generators"]["finished"]) == (summary["cells"]["finished"], 8)


def test_a_pause_ends_before_the_best_are_confirmed(run: Callable[..., SweepOutcome], tmp_path: Path) -> None:
    class Pause(Notices):
        def update(self, state: Any, slots: int) -> None:
            if state.generators_done > 6:
                (tmp_path / "search" / "PAUSE").touch()

    notices = Pause()
    assert run(small_search(), tmp_path / "search", notices).outcome == "paused"
    assert notices.lines[-1] == "paused by the file PAUSE before the best are confirmed: delete that file, then resume"


def test_another_version_of_the_library_is_told(run: Callable[..., SweepOutcome], tmp_path: Path) -> None:
    directory, notices = tmp_path / "search", Notices()
    run(small_search(), directory, InterruptOnce(lambda state: state.generators_done >= 5))
    file = directory / "search" / "trial" / "0000.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "method": "optuna 4.9.0"}))
    run(small_search(), directory, notices)
    assert re.fullmatch(
        r"trials so far were suggested by optuna 4\.9\.0, optuna 5\S+, later ones will be by optuna 5\S+",
        notices.lines[0],
    )


def test_a_wave_does_not_look_through_the_rows_of_those_before_it(
    run: Callable[..., SweepOutcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, real = list[str](), Store.names

    def noting(self: Store, folder: str, *arguments: Any, **options: Any) -> list[str]:
        names.append(folder)
        return real(self, folder, *arguments, **options)

    class Noting(Notices):
        def notice(self, text: str) -> None:
            super().notice(text)
            self.listed = names.count("victims")

    monkeypatch.setattr(Store, "names", noting)
    notices = Noting()
    assert run(small_search(), tmp_path / "search", notices).outcome == "complete"
    assert "4 of 4 trials" in notices.lines[-1]
    assert notices.listed == 0
