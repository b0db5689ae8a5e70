"""Splits, poisoning and filtering, on points that can be told apart: their first feature is their index."""

import pytest
import torch
from torch import Tensor

from pgan_ray.attacks import make_attack
from pgan_ray.attacks.poison_set import PoisonSet
from pgan_ray.data import TaskData
from pgan_ray.evaluation import TrainingSet, poisoned_training_set
from pgan_ray.evaluation.training_set import _auc
from pgan_ray.registry import ATTACKS
from pgan_ray.spec import Cell, EvaluationSpec
from tests.evaluation.points import POISON, Fitted, genuine, indices, make_spec, numbered, numbered_poison, poison
from tests.science import blobs


def build(
    fraction: float = 0.0,
    run: int = 0,
    replicate: int = 0,
    *,
    classes: int = 2,
    configuration: str = "alpha=0.1",
    variant: str = "",
    seed: int = 0,
) -> TrainingSet:
    cell = Cell(configuration, replicate, variant, fraction, run)
    return poisoned_training_set(make_spec(), numbered(classes), PoisonSet(numbered_poison()), cell, seed)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("fraction", [0.0, 0.3])
def test_trusted_and_training_points_never_overlap_and_are_of_their_class(
    classes: int, fraction: float, fitted: Fitted
) -> None:
    for run in range(5):
        fitted.trusted.clear()
        part = build(fraction, run, classes=classes)
        assert len(fitted.trusted) == classes
        for label, trusted in enumerate(fitted.trusted):
            assert len({int(i) for i in trusted[:, 0]}) == 30
            assert set(trusted[:, 1].tolist()) == {label}
            assert all(i % classes == label for i in genuine(part, label))
            assert not genuine(part) & {int(i) for i in trusted[:, 0]}


def test_no_test_point_and_no_point_twice() -> None:
    for run in range(5):
        part = build(0.3, run)
        assert min(indices(part)) >= 0
        assert len(indices(part)) == len(part.x) == 80


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("fraction", [0.0, 0.05, 0.1, 0.29, 1 / 3])
def test_poison_takes_the_place_of_points_of_its_class(classes: int, fraction: float) -> None:
    part = build(fraction, classes=classes)
    assert part.y.bincount().tolist() == [40] * classes
    assert len(poison(part)) == round(fraction * 40 * classes)
    assert set(part.y[part.x[:, 0] >= POISON].tolist()) <= {1}
    clean = build(0.0, classes=classes)
    for label in range(classes):
        if label != 1:
            assert genuine(part, label) == genuine(clean, label)
    assert genuine(part, 1) <= genuine(clean, 1)


def test_the_whole_class_may_be_poison() -> None:
    part = build(0.5)
    assert len(poison(part)) == 40
    assert genuine(part, 1) == set()
    assert part.detection.rejected_genuine == 0.0


def test_a_larger_fraction_keeps_the_poison_of_a_smaller_one() -> None:
    smaller, larger = build(0.1), build(0.3)
    assert poison(smaller) < poison(larger)
    assert genuine(larger) < genuine(smaller)


def test_poison_is_drawn_from_the_whole_set() -> None:
    drawn = set().union(*(poison(build(0.3, run)) for run in range(40)))
    assert drawn == set(range(POISON, POISON + 100))


def test_splits_depend_on_replicate_run_and_seed_alone() -> None:
    clean = build()
    for same in (build(0.3), build(configuration="alpha=0.9"), build(variant="percentile=0.9")):
        assert genuine(same) <= genuine(clean)
        assert genuine(same, 0) == genuine(clean, 0)
    assert poison(build(0.3)) == poison(build(0.3, configuration="alpha=0.9", variant="percentile=0.9"))
    for other in (build(run=1), build(replicate=1), build(seed=1)):
        assert genuine(other) != genuine(clean)
    assert poison(build(0.3)) != poison(build(0.3, run=1))
    assert poison(build(0.3)) != poison(build(0.3, replicate=1))


def test_the_same_cell_gives_the_same_set() -> None:
    first, second = build(0.3), build(0.3)
    assert torch.equal(first.x, second.x)
    assert torch.equal(first.y, second.y)


def test_the_data_and_the_poison_stay_as_they_are() -> None:
    task, points = numbered(), numbered_poison()
    part = poisoned_training_set(make_spec(), task, PoisonSet(points), Cell("", 0, "", 0.3, 0), 0)
    part.x.zero_()
    assert torch.equal(task.train_x, numbered().train_x)
    assert torch.equal(points, numbered_poison())


def filtered(fraction: float, poison_points: Tensor, *, distance: float = 20.0, classes: int = 2) -> TrainingSet:
    """From blobs, which lie far apart, with the k-NN detector."""
    task = blobs(classes=classes, train_per_class=300, distance=distance)
    spec = make_spec("knn_distance", train_per_class=150, trusted_per_class=150)
    return poisoned_training_set(spec, task, PoisonSet(poison_points), Cell("", 0, "", fraction, 0), 0)


@pytest.mark.parametrize(("label", "rejected"), [(0, True), (1, False), (2, True)])
def test_poison_is_judged_by_the_detector_of_the_class_that_it_claims(label: int, rejected: bool) -> None:
    at_label = blobs(classes=3, train_per_class=300, distance=20.0)
    points = at_label.train_x[at_label.train_y == label]
    part = filtered(0.2, points, classes=3)
    assert part.detection.rejected_poison is not None
    assert (part.detection.rejected_poison == 1.0) == rejected
    if not rejected:
        assert part.detection.rejected_poison < 0.2


def test_genuine_points_are_judged_by_the_detector_of_their_own_class() -> None:
    # By another class's they would all be rejected.
    part = filtered(0.0, torch.zeros(100, 6))
    assert 0.0 < part.detection.rejected_genuine < 0.15
    assert part.y.bincount().min() > 120


def test_shares_are_of_what_was_asked_and_the_rest_is_kept(fitted: Fitted) -> None:
    task = blobs(train_per_class=300, distance=20.0)
    mixed = torch.cat((task.poison_class_x[:100], task.poison_class_x[:100] + 50))
    part = filtered(0.3, mixed)
    assert [len(points) for points in fitted.asked] == [150, 150]
    assert part.detection.rejected_poison is not None
    assert 0.3 < part.detection.rejected_poison < 0.7
    rejected = part.detection.rejected_genuine * 210 + part.detection.rejected_poison * 90
    assert len(part.x) == len(part.y) == 300 - round(rejected)
    assert part.x.max() < 30


def test_without_poison_there_is_no_share_of_it() -> None:
    assert build(0.0).detection.rejected_poison is None
    assert build(0.001).detection.rejected_poison is None  # rounds to no point
    assert build(0.1).detection.rejected_poison == 0.0


def test_each_run_fits_its_detectors_anew(fitted: Fitted) -> None:
    shares = set()
    for run in range(4):
        task = blobs(train_per_class=300)
        spec = make_spec("knn_distance", train_per_class=150, trusted_per_class=150)
        part = poisoned_training_set(spec, task, PoisonSet(task.poison_class_x), Cell("", 0, "", 0.2, run), 0)
        shares.add((part.detection.rejected_genuine, part.detection.rejected_poison))
    assert len(shares) == 4
    assert len(fitted.trusted) == 8


def test_removal_leaves_the_poisons_place_empty() -> None:
    """The genuine points that are left are those that stay beside an attack's poison."""
    task = blobs(train_per_class=120)
    spec = make_spec("none")
    cell = Cell("c", 0, "", 0.3, 0)
    removal = make_attack(ATTACKS.config("removal")()).fit(task)
    left = poisoned_training_set(spec, task, removal, cell, seed=0)
    attacked = poisoned_training_set(spec, task, PoisonSet(torch.zeros(100, task.features)), cell, seed=0)
    assert (left.detection.rejected_genuine, left.detection.rejected_poison) == (0.0, None)
    assert len(attacked.x) - len(left.x) == spec.poison_count(0.3, 2) > 0
    kept = (attacked.x != 0).any(1)
    assert torch.equal(left.x, attacked.x[kept])
    assert torch.equal(left.y, attacked.y[kept])


def shrunk(task: TaskData, towards_mean: float) -> PoisonSet:
    """Genuine points of the poison class, drawn towards their mean."""
    own = task.poison_class_x
    return PoisonSet(own.mean(0) + towards_mean * (own - own.mean(0)))


def test_poison_that_is_too_ordinary_is_seen_by_both_tails_alone() -> None:
    task = blobs(train_per_class=400)
    cell = Cell("c", 0, "", 0.3, 0)
    spec = make_spec("knn_distance", train_per_class=100, trusted_per_class=100)
    seen = poisoned_training_set(spec, task, shrunk(task, 0.2), cell, seed=0).detection
    assert seen.rejected_poison == 0.0
    assert seen.rejected_poison_both is not None
    assert seen.rejected_poison_both > 0.5
    assert seen.rejected_genuine_both is not None
    assert seen.rejected_genuine_both < 0.2
    assert seen.detector_auc is not None
    assert seen.detector_auc < 0.1
    assert seen.poison_variance == pytest.approx(0.04, rel=0.3)
    alike = poisoned_training_set(spec, task, shrunk(task, 1.0), cell, seed=0).detection
    assert alike.detector_auc == pytest.approx(0.5, abs=0.15)
    assert alike.poison_variance == pytest.approx(1.0, abs=0.3)
    detector = {"name": "knn_distance", "tails": "both"}
    both = spec.model_copy(update={"detector": EvaluationSpec(poison_fractions=[0], detector=detector).detector})
    filtered = poisoned_training_set(both, task, shrunk(task, 0.2), cell, seed=0).detection
    assert filtered.rejected_poison == filtered.rejected_poison_both == seen.rejected_poison_both


def test_the_area_under_the_curve_is_the_share_of_pairs() -> None:
    genuine, poison = torch.tensor([1.0, 2.0, 2.0, float("nan")]), torch.tensor([2.0, 0.0, float("inf")])
    # 2 beats 1 and ties twice; 0 beats nothing; what is no number is the oddest of all, and ties with its like
    assert _auc(genuine, poison) == (1 + 2 * 0.5 + 0 + 3 + 0.5) / 12
    assert _auc(genuine, poison[:0]) is None
