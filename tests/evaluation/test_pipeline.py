"""The pipeline of defences between the detectors and the victim."""

from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from pgan_ray.attacks.poison_set import PoisonSet
from pgan_ray.defences import RobustTrainer, Sanitised, Sanitiser, Suspects, fit_detector
from pgan_ray.evaluation import CellResult, evaluate_cells, poisoned_training_set
from pgan_ray.evaluation.pipeline import Sanitation, defended
from pgan_ray.registry import DETECTORS
from pgan_ray.spec import Cell, EvaluationSpec
from pgan_ray.spec.seeds import numpy_generator
from tests.evaluation.points import make_spec
from tests.science import CPU, blobs

TASK = blobs(train_per_class=120, distance=12.0)
CELLS = [Cell("c", 0, "", fraction, 0) for fraction in (0.0, 0.2)]
FLIPPED = PoisonSet(TASK.train_x[TASK.train_y == 0][:60])  # source points with the poison class's label
LOGISTIC = {"name": "logistic", "epochs": 5, "optimizer": {"name": "adam", "learning_rate": 0.05}}


def spec(*defence: Any, **changes: Any) -> EvaluationSpec:
    detector = changes.pop("detector", "none")
    return make_spec(detector, **{"poison_fractions": [0, 0.2], "victim": LOGISTIC, "defence": list(defence)} | changes)


def evaluate(*defence: Any, **changes: Any) -> list[CellResult]:
    return evaluate_cells(CELLS, spec(*defence, **changes), TASK, FLIPPED, seed=0, device=CPU)


def test_without_a_pipeline_nothing_is_said_of_one() -> None:
    for result in evaluate():
        assert result.sanitation == Sanitation()


@pytest.mark.parametrize("name", ["slab", "knn_distance"])
def test_a_detector_in_the_pipeline_filters_each_class(name: str) -> None:
    clean, poisoned = evaluate({"name": name})
    assert clean.sanitation.dropped_poison is None
    assert poisoned.sanitation.dropped_poison == 1.0
    assert poisoned.sanitation.dropped_genuine is not None
    assert poisoned.sanitation.dropped_genuine < 0.25
    assert poisoned.sanitation.relabelled_poison == poisoned.sanitation.relabelled_genuine == 0.0
    assert poisoned.detection.rejected_poison == 0.0  # the detector before it is none
    assert poisoned.train_size == 80 - 16 - round(64 * poisoned.sanitation.dropped_genuine)


def test_it_is_fitted_on_the_trusted_points_by_a_stream_of_its_place() -> None:
    settings = spec({"name": "none"}, {"name": "knn_distance"})
    training = poisoned_training_set(settings, TASK, FLIPPED, CELLS[0], 0)
    found, _ = defended(training, settings, TASK, CELLS[0], 0, CPU)
    kept = []
    for label in (0, 1):
        random = numpy_generator(0, "evaluation", 0, 0, "defence", 1, label)
        alone = fit_detector(DETECTORS.config("knn_distance")(), training.trusted[label], random)
        points = training.x[training.y == label]
        kept.append(points[~alone.reject(points)])
    assert torch.equal(found.x, torch.cat(kept))


def test_relabelled_poison_serves_its_own_class() -> None:
    undefended, sanitised = evaluate()[1], evaluate({"name": "label_sanitisation"})[1]
    assert (sanitised.sanitation.dropped_genuine, sanitised.sanitation.dropped_poison) == (0.0, 0.0)
    assert sanitised.sanitation.relabelled_poison is not None
    assert sanitised.sanitation.relabelled_poison > 0.8
    assert sanitised.sanitation.relabelled_genuine is not None
    assert sanitised.sanitation.relabelled_genuine < 0.05
    assert sanitised.train_size == undefended.train_size == 80
    assert undefended.scores is not None
    assert sanitised.scores is not None
    assert sanitised.scores.test_error == 0.0


def test_trim_leaves_out_what_it_is_told_to() -> None:
    clean, poisoned = evaluate({"name": "trim", "trimmed": 0.25})
    assert clean.train_size == poisoned.train_size == 60
    assert poisoned.sanitation.dropped_poison is not None
    assert poisoned.sanitation.dropped_poison > 0.9
    assert clean.sanitation.dropped_genuine == 0.25
    assert poisoned.scores is not None


def test_shares_are_of_what_there_was_before_the_detector() -> None:
    _, result = evaluate({"name": "trim", "trimmed": 0.2}, detector="knn_distance")
    assert result.detection.rejected_poison == 1.0
    assert result.sanitation.dropped_poison == 0.0
    left = 64 - round(64 * (result.detection.rejected_genuine or 0))
    assert result.sanitation.dropped_genuine == round(0.2 * left) / 64


class Seen(Sanitiser):
    """Notes what it is given, drops the first point and changes every label, and all that it was given."""

    given: ClassVar[list[Suspects]] = []

    def sanitise(self, suspects: Suspects, random: np.random.Generator) -> Sanitised:
        self.given.append(Suspects(suspects.x.clone(), suspects.y.clone(), suspects.trusted, suspects.ask))
        kept = torch.ones(len(suspects.x), dtype=torch.bool)
        kept[0] = False
        labels = 1 - suspects.y
        suspects.x.zero_()
        suspects.y.zero_()
        return Sanitised(kept, labels)


def test_each_stage_sees_what_the_one_before_left() -> None:
    Seen.given.clear()
    two = spec(Seen.Config(), Seen.Config())
    training = poisoned_training_set(two, TASK, FLIPPED, CELLS[1], 0)
    before = training.x.clone(), training.y.clone()
    found, done = defended(training, two, TASK, CELLS[1], 0, CPU)
    first, second = Seen.given
    assert torch.equal(first.x, before[0])
    assert torch.equal(second.x, before[0][1:])
    assert torch.equal(second.y, 1 - before[1][1:])
    assert torch.equal(found.x, before[0][2:])
    assert torch.equal(found.y, before[1][2:])  # relabelled twice
    assert torch.equal(training.x, before[0])
    assert torch.equal(training.y, before[1])
    assert done == Sanitation(2 / 64, 0.0, 0.0, 0.0)


class Odd(Sanitiser):
    given: Any = None

    def sanitise(self, suspects: Suspects, random: np.random.Generator) -> Any:
        if self.given is None:
            raise ZeroDivisionError("no such thing")
        return self.given


FLAGS, LABELS = torch.ones(80, dtype=torch.bool), torch.zeros(80, dtype=torch.int64)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "ZeroDivisionError: no such thing"),
        (3, "it must give a `Sanitised`, got an object of int"),
        (Sanitised(FLAGS[:3], LABELS), "it must keep or drop 80 points by booleans, got a tensor of shape (3,)"),
        (Sanitised(FLAGS, LABELS.float()), "it must give 80 labels below 2 (int64), got a tensor of shape (80,) and"),
        (Sanitised(FLAGS, LABELS + 2), "it must give 80 labels below 2 (int64)"),
    ],
)
def test_a_defence_that_raises_or_gives_something_else(
    given: Any, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Odd, "given", given)
    for result in evaluate(Odd.Config()):
        assert (result.outcome, result.scores) == ("failed", None)
        assert result.message.startswith("the defence `tests.evaluation.test_pipeline:Odd` failed:")
        assert message in result.message


def test_a_defence_that_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Odd, "given", Sanitised(~FLAGS, LABELS))
    for result in evaluate(Odd.Config(), {"name": "slab"}, {"name": "trim"}):
        assert (result.outcome, result.train_size) == ("failed", 0)
        assert result.message == "the defences left nothing to train on"
        assert result.sanitation.dropped_genuine == 1.0


class Unread:
    """A classifier that gives labels alone."""

    def fit(self, x: Any, y: Any) -> None:
        self.means = np.stack([x[y == label].mean(0) for label in np.unique(y)])

    def predict(self, x: Any) -> Any:
        return ((x[:, None] - self.means) ** 2).sum(2).argmin(1)


@pytest.mark.parametrize("victim", ["tests.evaluation.test_pipeline:Unread", "linear_svm", "knn"])
def test_every_kind_of_victim_can_be_asked(victim: str) -> None:
    _, result = evaluate({"name": "trim"}, victim={"name": victim})
    assert result.outcome == "complete", result.message
    assert result.train_size == 64


class Asks(RobustTrainer):
    def settle(self, suspects: Suspects, random: np.random.Generator) -> Tensor:
        one, two = (suspects.ask(suspects.x, suspects.y, suspects.x) for _ in range(2))
        assert torch.equal(one.log_probabilities, two.log_probabilities)
        suspects.ask(suspects.x, suspects.y[:3], suspects.x)
        raise AssertionError("unreachable")


def test_a_victim_that_fails_is_told_for_itself() -> None:
    result = evaluate(Asks.Config())[0]
    assert result.message.startswith("the victim `logistic` failed:\n")
