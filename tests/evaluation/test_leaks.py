"""What would leak from one part of the protocol into another, with every attack, placement and number of classes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pgan_ray.attacks import PoisonSource, make_attack
from pgan_ray.attacks.poison_set import PoisonSet
from pgan_ray.data import TaskData
from pgan_ray.defences import fit_detector
from pgan_ray.evaluation import TrainingSet, evaluate_cells, poisoned_training_set
from pgan_ray.registry import ATTACKS as ATTACK_REGISTRY
from pgan_ray.registry import DETECTORS
from pgan_ray.spec import Cell, EvaluationSpec
from pgan_ray.spec.seeds import numpy_generator
from tests.evaluation.points import POISON, Fitted, genuine, indices, make_spec, numbered, numbered_poison
from tests.science import CPU, blobs, own_keys

# Those whose points can be told: `removal` has none, and means of points are nobody's.
TAKERS = tuple(name for name in ATTACK_REGISTRY.own_names() if not ATTACK_REGISTRY.get(name).is_trained)
ATTACKS = ("pgan", *(name for name in TAKERS if name not in ("removal", "smoothed_label_flip", "blend")))
EVERY_ATTACK = pytest.mark.parametrize("name", ATTACKS)
PLACEMENTS = pytest.mark.parametrize("placement", ["replace", "add"])
TRAIN, TRUSTED, PER_CLASS = 40, 30, 120


def attack_of(name: str, task: TaskData) -> PoisonSource:
    return PoisonSet(numbered_poison()) if name == "pgan" else make_attack(ATTACK_REGISTRY.config(name)()).fit(task)


@dataclass
class Parts:
    """Indices of the points of each part of one run, and the training set that came of it."""

    trusted: list[int]
    genuine: list[int]
    poison: list[int]
    made: TrainingSet
    fitted: Fitted


def take_apart(
    fitted: Fitted,
    name: str = "pgan",
    fraction: float = 0.0,
    run: int = 0,
    *,
    classes: int = 2,
    placement: str = "replace",
    detector: str = "none",
) -> Parts:
    fitted.trusted.clear()
    fitted.asked.clear()
    fitted.rejected.clear()
    task = numbered(classes, PER_CLASS)
    spec = make_spec(detector, placement=placement)
    made = poisoned_training_set(spec, task, attack_of(name, task), Cell("", 0, "", fraction, run), 0)
    points = round(fraction * TRAIN * classes)
    asked = [part[:, 0].int().tolist() for part in fitted.asked]
    poison = asked[1][len(asked[1]) - points :]
    asked[1] = asked[1][: len(asked[1]) - points]
    trusted = [int(i) for part in fitted.trusted for i in part[:, 0]]
    return Parts(trusted, [i for part in asked for i in part], poison, made, fitted)


@EVERY_ATTACK
@PLACEMENTS
@pytest.mark.parametrize(("classes", "fraction"), [(2, 0.0), (2, 0.3), (3, 1 / 3), (10, 0.09)])
def test_no_point_is_in_two_parts(fitted: Fitted, name: str, placement: str, classes: int, fraction: float) -> None:
    for run in range(3):
        parts = take_apart(fitted, name, fraction, run, classes=classes, placement=placement)
        every = [*parts.trusted, *parts.genuine, *parts.poison]
        assert len(set(every)) == len(every)
        assert min(every) >= 0  # below are the test points
        assert len(parts.trusted) == TRUSTED * classes
        assert len(parts.poison) == round(fraction * TRAIN * classes)
        assert set(parts.poison) <= indices(parts.made, 1)


@EVERY_ATTACK
@pytest.mark.parametrize(("classes", "fraction", "poison"), [(2, 0.3, 24), (2, 0.5, 40), (10, 0.04, 16), (10, 0.1, 40)])
def test_class_sizes_after_poisoning(fitted: Fitted, name: str, classes: int, fraction: float, poison: int) -> None:
    replaced = take_apart(fitted, name, fraction, classes=classes)
    assert replaced.made.y.bincount().tolist() == [TRAIN] * classes
    assert len(replaced.genuine) == TRAIN * classes - poison
    added = take_apart(fitted, name, fraction, classes=classes, placement="add")
    assert added.made.y.bincount().tolist() == [TRAIN, TRAIN + poison, *[TRAIN] * (classes - 2)]
    # What is added is what would have replaced, and `add` gives up none of the genuine points.
    clean = take_apart(fitted, name, 0.0, classes=classes)
    assert added.poison == replaced.poison
    assert set(added.genuine) == indices(clean.made)
    assert set(replaced.genuine) < indices(clean.made)
    for label in {*range(classes)} - {1}:
        assert indices(added.made, label) == indices(replaced.made, label) == genuine(clean.made, label)


@pytest.mark.parametrize("classes", [2, 10])
def test_more_poison_than_the_class_has_points_can_be_added(fitted: Fitted, classes: int) -> None:
    fraction = 2.25 / classes  # 90 points
    parts = take_apart(fitted, "pgan", fraction, classes=classes, placement="add")
    assert parts.made.y.bincount().tolist() == [TRAIN, TRAIN + 90, *[TRAIN] * (classes - 2)]


@EVERY_ATTACK
@PLACEMENTS
@pytest.mark.parametrize("classes", [2, 10])
def test_every_point_passes_the_detector_of_the_label_that_it_carries(
    fitted: Fitted, name: str, placement: str, classes: int
) -> None:
    parts = take_apart(fitted, name, 0.05, classes=classes, placement=placement, detector="knn_distance")
    made, look = parts.made, parts.fitted
    assert len(look.trusted) == len(look.asked) == classes
    for label, (trusted, asked, rejected) in enumerate(zip(look.trusted, look.asked, look.rejected, strict=True)):
        assert set(trusted[:, 1].tolist()) == {label}
        # Nobody goes round it: what is in the set with this label is what it was asked about and let pass.
        assert torch.equal(made.x[made.y == label], asked[~rejected])
        claimed = label == 1 and name in ("nearest_label_flip", "random_label_flip")
        assert set(asked[:, 1].tolist()) == ({0, 1} if claimed else {label})
        assert not set(parts.poison) & {int(i) for i in asked[:, 0]} or label == 1
    poison = torch.cat(look.asked)[:, 0].int()[:, None] == torch.tensor(parts.poison)
    gone = torch.cat(look.rejected)
    assert made.detection.rejected_poison == float(gone[poison.any(1)].sum()) / len(parts.poison)
    assert made.detection.rejected_genuine == float(gone[~poison.any(1)].sum()) / len(parts.genuine)


@pytest.mark.parametrize("name", [name for name in ATTACKS if name != "pgan"])
def test_taken_poison_is_of_the_class_that_the_attack_says(fitted: Fitted, name: str) -> None:
    parts = take_apart(fitted, name, 0.05, classes=10)
    assert {i % 10 for i in parts.poison} == {1 if name == "none" else 0}


@EVERY_ATTACK
def test_a_larger_fraction_keeps_the_poison_of_a_smaller_one(fitted: Fitted, name: str) -> None:
    smaller, larger = (take_apart(fitted, name, fraction) for fraction in (0.1, 0.4))
    assert larger.poison[: len(smaller.poison)] == smaller.poison
    assert larger.trusted == smaller.trusted


@EVERY_ATTACK
def test_the_attack_does_not_move_the_split(fitted: Fitted, name: str) -> None:
    """Clean victims, and the genuine points of poisoned ones, are the same whoever attacks."""
    for fraction in (0.0, 0.3):
        expected, found = (take_apart(fitted, attack, fraction) for attack in ("pgan", name))
        assert (found.trusted, found.genuine) == (expected.trusted, expected.genuine)


class Spy:
    """An attack that keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, set[int]]] = []

    def sample(self, points: int, random: np.random.Generator, used: np.ndarray) -> Tensor:
        self.asked.append((points, set(used.tolist())))
        return numbered_poison(points)


@PLACEMENTS
def test_the_attack_is_told_of_every_point_that_is_given_away(fitted: Fitted, placement: str) -> None:
    spy, task = Spy(), numbered(3, PER_CLASS)
    spec = make_spec(placement=placement)
    for fraction in (0.0, 0.2):
        fitted.trusted.clear()
        clean = poisoned_training_set(spec, task, PoisonSet(numbered_poison()), Cell("", 0, "", 0.0, 0), 0)
        poisoned_training_set(spec, task, spy, Cell("", 0, "", fraction, 0), 0)
        # Rows and indices are the same here. The replaced points too: whether they are left is no news to leak.
        assert spy.asked[-1] == (
            round(fraction * TRAIN * 3),
            {int(i) for part in fitted.trusted for i in part[:, 0]} | indices(clean),
        )


def detecting(name: str, percentile: float = 0.95) -> EvaluationSpec:
    return make_spec(trusted_per_class=100, train_per_class=100).model_copy(
        update={"detector": DETECTORS.config(name)(**{"percentile": percentile} if name != "none" else {})}
    )


@pytest.mark.parametrize("name", DETECTORS.own_names())
def test_every_detector_is_of_one_class_alone(name: str) -> None:
    """Poison from the middle of another class: the detector of the label that it carries does not know it."""
    task = blobs(classes=3, train_per_class=300)
    task.train_x.add_(20.0 * task.train_y[:, None])  # far apart in every feature
    for label in (0, 1, 2):
        attack = PoisonSet(task.train_x[task.train_y == label][:60])
        part = poisoned_training_set(detecting(name), task, attack, Cell("", 0, "", 0.2, 0), 0)
        assert part.detection.rejected_poison is not None
        if name == "none" or label == 1:
            assert part.detection.rejected_poison < 0.25
        else:
            assert part.detection.rejected_poison == 1.0
        assert part.detection.rejected_genuine is not None
        assert part.detection.rejected_genuine < 0.15


@pytest.mark.parametrize("label", [0, 1])
def test_a_detector_is_that_of_its_stream_on_the_trusted_points(fitted: Fitted, label: int) -> None:
    parts = take_apart(fitted, "random_label_flip", 0.2, detector="knn_distance")
    random = numpy_generator(0, "evaluation", 0, 0, "detector", label)
    alone = fit_detector(make_spec("knn_distance").detector, parts.fitted.trusted[label], random)
    assert torch.equal(alone.reject(parts.fitted.asked[label]), parts.fitted.rejected[label])


def evaluate(victim: dict[str, Any], task: TaskData, fraction: float = 0.2) -> Any:
    spec = make_spec(train_per_class=60, victim=own_keys({"epochs": 20, "batch_size": 20} | victim))
    attack = attack_of("random_label_flip", task)
    (result,) = evaluate_cells([Cell("", 0, "", fraction, 0)], spec, task, attack, seed=0, device=CPU)
    return result


@pytest.mark.parametrize("name", ["mlp", "logistic", "linear_svm", "random_forest", "knn"])
@pytest.mark.parametrize("classes", [2, 10])
def test_victims_are_judged_on_every_test_point_and_on_nothing_else(name: str, classes: int) -> None:
    task = blobs(classes=classes, features=2, train_per_class=150, test_per_class=17)
    optimizer = {"name": "sgd", "learning_rate": 0.05}
    result = evaluate({"name": name, "widths": [12], "optimizer": optimizer}, task, 0.2 if classes == 2 else 0.05)
    assert result.outcome == "complete"
    assert result.confusion.sum(1).tolist() == [17] * classes
    wrong = result.confusion.sum() - result.confusion.diagonal().sum()
    assert result.scores.test_error == pytest.approx(float(wrong) / (17 * classes))
    assert result.scores.false_positive_rate == pytest.approx(float(result.confusion[0, 1]) / 17)
    assert result.scores.false_negative_rate == pytest.approx(float(result.confusion[1, 0]) / 17)
    assert (result.boundary is not None) == (name == "logistic" and classes == 2)


def test_without_a_victim_the_detectors_are_measured_all_the_same() -> None:
    task = blobs(train_per_class=150)
    none, logistic = (evaluate({"name": name}, task) for name in ("none", "logistic"))
    assert none.outcome == "complete"
    assert (none.scores, none.confusion, none.boundary) == (None, None, None)
    assert none.train_size == logistic.train_size
    assert none.detection == logistic.detection
    assert none.detection.rejected_genuine is not None
    assert none.detection.poison_variance is not None


def test_test_points_do_not_change_what_is_trained() -> None:
    task = blobs(features=2, train_per_class=150)
    other = TaskData(task.train_x, task.train_y, 9 * task.test_x, 1 - task.test_y, task.classes, 1, 0, image_shape=None)
    assert evaluate({"name": "logistic"}, task).boundary == evaluate({"name": "logistic"}, other).boundary


def test_poison_starts_where_no_genuine_index_is() -> None:
    """Or the tests above would prove little."""
    assert int(numbered(10, PER_CLASS).train_x[:, 0].max()) < POISON
