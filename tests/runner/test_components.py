"""Components of somebody else's that fail: their cells are told, and run again once they are mended."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pgan_ray.attacks import Attack, PoisonSet
from pgan_ray.data import Dataset
from pgan_ray.defences import ScoredDetector
from pgan_ray.errors import DataError
from pgan_ray.results import Store, read_rows
from pgan_ray.runner import Silent
from pgan_ray.runner.prepare import load_datasets
from pgan_ray.spec import Sweep
from tests.runner.sweeps import Run, without_seconds
from tests.tiny import tiny_sweep


class Nearest:
    """A classifier that can be broken."""

    is_broken = False

    def fit(self, x: np.ndarray, y: np.ndarray) -> None:
        if self.is_broken and len(x) % 4 == 0:
            raise ZeroDivisionError("no such thing")
        self.means = np.stack([x[y == label].mean(0) for label in np.unique(y)])

    def predict(self, x: np.ndarray) -> np.ndarray:
        found: np.ndarray = ((x[:, None] - self.means) ** 2).sum(2).argmin(1)
        return found


class Numbered(Attack):
    """An attack whose numbers are none."""

    given: Any = None

    def parameters(self) -> Any:
        return self.given

    def fit(self, task: Any) -> PoisonSet:
        return PoisonSet(task.poison_class_x)

    def check(self, task: Any, evaluation: Any) -> None:
        if isinstance(self.given, BaseException):
            raise self.given


class Notices(Silent):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def notice(self, text: str) -> None:
        self.texts.append(text)


def sweep(folder: Path, attack: str = "{name: none, replicates: 1}") -> Sweep:
    victim = f"evaluation.victim={{name: '{__name__}:Nearest'}}"
    return tiny_sweep(folder, f"attack={attack}", victim, "evaluation.poison_fractions=[0, 0.1, 0.2]")


def test_cells_that_a_component_failed_are_run_again_and_the_others_are_kept(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, directory, progress = sweep(tmp_path), tmp_path / "sweep", Notices()
    assert run(small, tmp_path / "whole").outcome == "complete"
    monkeypatch.setattr(Nearest, "is_broken", True)
    outcome = run(small, directory, progress=progress, members=(1, 1))
    rows = read_rows(Store(directory)).to_pylist()
    failed = [row["cell_id"] for row in rows if row["outcome"] == "failed"]
    assert 0 < len(failed) < len(rows)
    assert sorted(outcome.cells_failed) == failed
    assert outcome.outcome == "partial"
    assert outcome.can_go_on
    told = f"the victim `{__name__}:Nearest` failed: ZeroDivisionError: no such thing"
    assert progress.texts == [f"1 victim has no score: {told}"], "the same again and again"
    (failure,) = outcome.failures
    assert failure.startswith(f"{len(failed)} victims have no score:\n")
    assert f" and {len(failed) - 1} more: the victim `{__name__}:Nearest` failed:\nTraceback" in failure
    assert outcome.summary["cells"] == {"planned": len(rows), "finished": len(rows) - len(failed)}
    assert run(small, directory, members=(1, 1)).outcome == "partial", "it is not mended yet"
    monkeypatch.setattr(Nearest, "is_broken", False)
    again = Notices()
    outcome = run(small, directory, progress=again, members=(3, 3))  # cut otherwise
    assert (outcome.outcome, outcome.cells_failed, outcome.can_go_on) == ("complete", [], False)
    assert again.texts == ["running again the batches in which a component failed"]
    assert without_seconds(read_rows(Store(directory))) == without_seconds(read_rows(Store(tmp_path / "whole")))


class Strict(ScoredDetector):
    """A detector that keeps nothing."""

    def fit_score(self, points: Any, random: np.random.Generator) -> Any:
        seen: list[int] = []

        def score(found: Any) -> Any:
            seen.append(len(found))
            return torch.full((len(found),), float(len(seen)))  # the limit is set by the first

        return score


def test_cells_of_which_nothing_is_left_are_done(run: Run, tmp_path: Path) -> None:
    """Another start would leave nothing of them again, and is not advised."""
    small = tiny_sweep(tmp_path, f"evaluation.detector={{name: '{__name__}:Strict'}}")
    outcome = run(small, tmp_path / "sweep")
    assert (outcome.outcome, outcome.cells_failed, outcome.can_go_on) == ("partial", [], False)
    assert outcome.summary["cells"] == {"planned": small.cells, "finished": small.cells}
    (failure,) = outcome.failures
    assert "no score" in failure


@pytest.mark.parametrize("given", [None, {"share": "much"}, {"share": float("nan")}, {3: 1.0}])
def test_an_attack_whose_numbers_are_none_costs_its_cells_alone(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Any
) -> None:
    monkeypatch.setattr(Numbered, "given", given)
    attack = f"{{name: {{grid: ['{__name__}:Numbered', none]}}, replicates: 1}}"
    outcome = run(sweep(tmp_path, attack=attack), tmp_path / "sweep")
    assert outcome.outcome == "partial"
    rows = read_rows(Store(tmp_path / "sweep")).to_pylist()
    assert {(row["attack"] == "none", row["outcome"]) for row in rows} == {(True, "complete"), (False, "failed")}
    rule = f"the attack `{__name__}:Numbered` failed: `parameters` must give finite numbers by name, got"
    assert all(row["message"].startswith(rule) for row in rows if row["outcome"] == "failed")


def test_a_victim_that_is_given_what_it_does_not_take_is_told_of_before_anything_starts(
    digits: dict[str, Dataset], tmp_path: Path
) -> None:
    logistic = "sklearn.linear_model:LogisticRegression"
    small = tiny_sweep(tmp_path, f"evaluation.victim={{name: '{logistic}', penalty: l9}}")
    with pytest.raises(
        DataError, match=rf"the victim `{logistic}` must be given arguments that it accepts, got: .*'penalty'.*'l9'"
    ):
        load_datasets(small, None, print)


def test_what_has_the_methods_of_a_classifier_and_is_none_is_told_of_before_anything_starts(
    digits: dict[str, Dataset], tmp_path: Path
) -> None:
    for name, found in (("sklearn.cluster:KMeans", "KMeans"), ("sklearn.linear_model:Ridge", "Ridge")):
        small = tiny_sweep(tmp_path, f"evaluation.victim={{name: '{name}'}}")
        with pytest.raises(DataError, match=rf"the victim `{name}` must be a classifier, got scikit-learn's {found}"):
            load_datasets(small, None, print)
    for name in ("sklearn.neighbors:KNeighborsClassifier", "sklearn.naive_bayes:GaussianNB"):
        load_datasets(tiny_sweep(tmp_path, f"evaluation.victim={{name: '{name}'}}"), None, print)


def test_a_victim_is_checked_once_on_each_task(
    digits: dict[str, Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Nearest] = []
    monkeypatch.setattr(Nearest, "__init__", lambda self: made.append(self))
    victims = f"evaluation.victim={{grid: [{{name: '{__name__}:Nearest'}}, {{name: none}}]}}"
    load_datasets(tiny_sweep(tmp_path, "attack.alpha={grid: [0.1, 0.5, 0.9]}", victims), None, print)
    assert len(made) == 1


@pytest.mark.parametrize("error", [ZeroDivisionError("no such thing"), SystemExit("no such thing")])
def test_what_a_check_raises_is_told_by_name_before_anything_starts(
    digits: dict[str, Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    monkeypatch.setattr(Numbered, "given", error)
    small = sweep(tmp_path, attack=f"{{name: '{__name__}:Numbered', replicates: 1}}")
    with pytest.raises(
        DataError, match=r"the attack `.*:Numbered` failed in its check:\nTraceback(.|\n)*in check"
    ) as told:
        load_datasets(small, None, print)
    assert str(told.value).endswith(f"{type(error).__name__}: no such thing")
