"""What a component of somebody else's does wrong: it is told by name, and costs its own cells alone."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pgan_ray.attacks import PoisonSet
from pgan_ray.defences import Detector, DetectorConfig
from pgan_ray.errors import DataError
from pgan_ray.evaluation import CellResult, ComponentFailure, component, evaluate_cells
from pgan_ray.registry import DETECTORS, VICTIMS
from pgan_ray.spec import Cell, EvaluationSpec
from pgan_ray.victims import Judged, SklearnVictim, Victim, VictimConfig
from tests.science import CPU, blobs

TASK = blobs()
CELLS = [Cell("a", 0, "", fraction, 0) for fraction in (0.0, 0.2)]


def evaluate(attack: Any = None, victim: VictimConfig | None = None, detector: Any = None) -> list[CellResult]:
    spec = EvaluationSpec(poison_fractions=[0.0, 0.2], runs=1, train_per_class=20, trusted_per_class=30)
    spec = spec.model_copy(
        update={
            "victim": victim or VICTIMS.config("knn")(),
            "detector": detector or DETECTORS.config("none")(),
        }
    )
    source = attack or PoisonSet(TASK.poison_class_x)
    return evaluate_cells(CELLS, spec, TASK, source, seed=0, device=CPU, attack_name="theirs")


class Poison:
    """Gives what it was told to, where it is asked for something."""

    def __init__(self, given: Any) -> None:
        self.given = given

    def sample(self, points: int, random: np.random.Generator, used: Any) -> Any:
        return self.given if points else torch.zeros(0, TASK.features)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "`sample` must give 8 x 6 finite numbers (float32), got an object of NoneType"),
        (torch.zeros(8, 5), "got a tensor of shape (8, 5) and torch.float32"),
        (torch.zeros(8, 6, dtype=torch.float64), "got torch.float64"),
        (torch.full((8, 6), float("nan")), "got some that are not finite"),
    ],
)
def test_poison_that_is_none(given: Any, message: str) -> None:
    clean, poisoned = evaluate(attack=Poison(given))
    assert (clean.outcome, clean.message) == ("complete", "")
    assert poisoned.outcome == "failed"
    assert poisoned.message.startswith("the attack `theirs` failed: ")
    assert message in poisoned.message


class Odd(Detector):
    given: Any = None

    def fit(self, trusted: Tensor, random: np.random.Generator) -> Any:
        return self

    def reject(self, points: Tensor) -> Any:
        if self.given is None:
            raise ZeroDivisionError("no such thing")
        return self.given


def test_a_detector_that_raises_or_gives_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    detector: DetectorConfig = Odd.Config()
    for result in evaluate(detector=detector):
        assert (result.outcome, result.scores) == ("failed", None)
        assert result.message.startswith("the detector `tests.evaluation.test_failures:Odd` failed:\n")
        assert "in reject" in result.message
        assert result.message.endswith("ZeroDivisionError: no such thing")
    monkeypatch.setattr(Odd, "given", torch.zeros(3))
    assert (
        "must give 20 booleans, got a tensor of shape (3,) and torch.float32" in evaluate(detector=detector)[0].message
    )


class Wrong(Victim):
    def judge(self, training: Any, *_: Any, **__: Any) -> Any:
        return [Judged(torch.zeros(2, 2, dtype=torch.int64))] * len(training)


class Unknown(SklearnVictim):
    def estimator(self, random_state: int, points: int) -> Any:
        class Model:
            def fit(self, x: Any, y: Any) -> None:
                pass

            def predict(self, x: Any) -> Any:
                return np.full(len(x), 7)

        return Model()


def test_a_victim_that_gives_something_else() -> None:
    (first, _) = evaluate(victim=Wrong.Config())
    assert first.outcome == "failed"
    assert "its confusion matrix must be 2 x 2, with a row for the test points of each class" in first.message
    (first, _) = evaluate(victim=Unknown.Config())
    assert first.message.startswith("the victim `tests.evaluation.test_failures:Unknown` failed: `predict` must")
    assert first.message.endswith("`predict` must give labels from 0 to 1, got [7]")
    assert first.train_size == 40


class Told(Victim):
    """Gives what it was told to."""

    given: Any = None

    def judge(self, training: Any, *_: Any, **__: Any) -> Any:
        return self.given


RIGHT = torch.tensor([[30, 0], [0, 30]])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "`judge` must give a list of `Judged`, got None"),
        ([None], "`judge` must give a list of `Judged`, got [None]"),
        ([Judged(RIGHT, message="no room")], "no room"),
        ([Judged(RIGHT, boundary=(1.0, 2.0, float("inf")))], "`boundary` must be three finite numbers"),
        ([Judged(RIGHT, boundary=3)], "`boundary` must be three finite numbers, got 3"),  # type: ignore[arg-type]
        ([Judged(RIGHT.numpy())], "(int64, on the CPU), got an object of ndarray"),  # type: ignore[arg-type]
        ([Judged(RIGHT / 1)], "(int64, on the CPU), got a tensor of shape (2, 2) and torch.float32"),
        ([Judged(torch.tensor([[31, -1], [0, 30]]))], "got [[31, -1], [0, 30]]"),
        ([Judged(None, message=3)], "`message` must be a text"),  # type: ignore[arg-type]
    ],
)
def test_a_judgement_that_is_none(monkeypatch: pytest.MonkeyPatch, given: Any, message: str) -> None:
    monkeypatch.setattr(Told, "given", given)
    for result in evaluate(victim=Told.Config()):
        assert (result.outcome, result.scores, result.confusion, result.boundary) == ("failed", None, None, None)
        assert result.message.startswith("the victim `tests.evaluation.test_failures:Told` failed: ")
        assert message in result.message


def test_a_victim_that_changes_its_test_points_changes_nobody_elses() -> None:
    class Spoils(Victim):
        def judge(self, training: Any, test_x: Tensor, test_y: Tensor, **_: Any) -> Any:
            test_x.zero_()
            test_y.zero_()
            return [Judged(RIGHT)] * len(training)

    before = TASK.test_x.clone(), TASK.test_y.clone()
    assert {result.outcome for result in evaluate(victim=Spoils.Config())} == {"complete"}
    assert torch.equal(TASK.test_x, before[0])
    assert torch.equal(TASK.test_y, before[1])


def test_what_is_not_a_components_fault_is_not_taken_for_one() -> None:
    for error in (MemoryError(), torch.OutOfMemoryError("full")):
        with pytest.raises(type(error)), component("victim", "x"):
            raise error


@pytest.mark.parametrize("error", [KeyError(3), OSError("no file"), DataError("too few points"), SystemExit(0)])
def test_whatever_a_component_raises_is_its_own(error: BaseException) -> None:
    with (
        pytest.raises(ComponentFailure, match=rf"^the victim `x` failed:\n(.|\n)*{type(error).__name__}: "),
        component("victim", "x"),
    ):
        raise error


class Picky(SklearnVictim):
    """Cannot be trained on some sets."""

    def estimator(self, random_state: int, points: int) -> Any:
        model = VICTIMS.config("knn")().make().estimator(random_state, points)
        Picky.made += 1
        if Picky.made == 1:
            raise ZeroDivisionError("not this one")
        return model

    made = 0


def test_one_that_cannot_be_trained_costs_its_own_cell_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Picky, "made", 0)
    first, second = evaluate(victim=Picky.Config())
    assert first.message.startswith("the victim `tests.evaluation.test_failures:Picky` failed:\nTraceback")
    assert first.message.endswith("ZeroDivisionError: not this one")
    assert (second.outcome, second.message) == ("complete", "")
