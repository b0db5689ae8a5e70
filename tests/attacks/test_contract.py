"""The contract of every attack of the schema, and what each baseline takes for its poison."""

from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from pgan_ray.attacks import Attack, PoisonSet, PoisonSource, make_attack
from pgan_ray.data import TaskData
from pgan_ray.errors import DataError
from pgan_ray.registry import ATTACKS
from pgan_ray.spec import EvaluationSpec
from tests.attacks.settings import QUICK, train
from tests.science import blobs

UNTRAINED = tuple(name for name in ATTACKS.own_names() if not ATTACKS.get(name).is_trained)
NAMES = ("pgan", *(name for name in UNTRAINED if name != "removal"))  # which gives no points at all
TAKERS = ("nearest_label_flip", "none", "random_label_flip")  # give genuine points as they are
EVERY = pytest.mark.parametrize("name", NAMES)
EVERY_TAKER = pytest.mark.parametrize("name", TAKERS)
PER_CLASS, POISON_SET = 60, 50
NOBODY = np.empty(0, dtype=np.int64)


@cache
def task() -> TaskData:
    """Three classes, of which 1 is poisoned and 0 the source; no two points are the same."""
    return blobs(classes=3, train_per_class=PER_CLASS)


@cache
def generated() -> Tensor:
    """What a generator of two of the classes leaves."""
    return train(QUICK, blobs(train_per_class=PER_CLASS), iterations=20).sample(POISON_SET, "poison")[0]


def attack_of(name: str, **settings: object) -> Attack:
    return make_attack(ATTACKS.config(name)(**(QUICK if name == "pgan" else {}) | settings))


def fit(name: str) -> PoisonSource:
    return PoisonSet(generated()) if name == "pgan" else attack_of(name).fit(task())


def stream(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def rows_of(points: Tensor) -> set[int]:
    """Which of the task's training points are among ``points``."""
    same = (points[:, None] == task().train_x).all(2)
    assert (same.sum(1) <= 1).all()
    return set(torch.nonzero(same)[:, 1].tolist())


@EVERY
@pytest.mark.parametrize("points", [0, 1, 30])
def test_as_many_points_as_were_asked_for(name: str, points: int) -> None:
    poison = fit(name).sample(points, stream(), NOBODY)
    assert poison.shape == (points, task().features)
    assert poison.dtype == torch.float32
    assert poison.isfinite().all()
    assert len(poison.unique(dim=0)) == points  # none twice


@EVERY
def test_the_stream_decides_and_nothing_is_left_behind(name: str) -> None:
    attack = fit(name)
    first = attack.sample(30, stream(1), NOBODY)
    attack.sample(7, stream(2), np.arange(20))
    assert torch.equal(attack.sample(30, stream(1), NOBODY), first)
    assert torch.equal(fit(name).sample(30, stream(1), NOBODY), first)


@EVERY
@pytest.mark.parametrize("used", [NOBODY, np.arange(0, 90)], ids=["nobody", "half"])
def test_a_larger_draw_begins_with_the_smaller_one(name: str, used: np.ndarray) -> None:
    attack = fit(name)
    largest = attack.sample(30, stream(), used)
    for points in (0, 1, 29):
        assert torch.equal(attack.sample(points, stream(), used), largest[:points])


@pytest.mark.parametrize("name", [*TAKERS, "pgan"])
def test_no_point_that_somebody_was_given_comes_back(name: str) -> None:
    for seed in range(5):
        used = stream(seed).permutation(3 * PER_CLASS)[: 3 * PER_CLASS // 2]
        left = {row for row in set(range(3 * PER_CLASS)) - set(used.tolist()) if name != "pgan"}
        label = task().poison_label if name == "none" else task().source_label
        left = {row for row in left if task().train_y[row] == label}
        points = len(left) or POISON_SET
        taken = rows_of(fit(name).sample(points, stream(seed), used))
        assert not taken & set(used.tolist())
        assert taken == left  # of a baseline all that are left; generated points are nobody's


@EVERY
@pytest.mark.parametrize("used", [0, 20])
def test_too_many_points_are_refused_with_both_numbers(name: str, used: int) -> None:
    label = task().poison_label if name == "none" else task().source_label
    taken = torch.nonzero(task().train_y == label).squeeze(1).numpy()[:used]
    there = POISON_SET if name == "pgan" else PER_CLASS - used
    attack = fit(name)
    assert len(attack.sample(there, stream(), taken)) == there
    with pytest.raises(DataError, match=rf"must (hold|find) (the )?{there + 1} .*, got {there}$"):
        attack.sample(there + 1, stream(), taken)


@EVERY
def test_what_it_is_fitted_to_stays_as_it_is(name: str) -> None:
    before = task().train_x.clone(), generated().clone()
    fit(name).sample(30, stream(), NOBODY).zero_()
    assert torch.equal(task().train_x, before[0])
    assert torch.equal(generated(), before[1])


@EVERY
def test_streams_differ_where_chance_decides(name: str) -> None:
    one, other = (fit(name).sample(10, stream(seed), NOBODY) for seed in (1, 2))
    assert torch.equal(one, other) == (name == "nearest_label_flip")


@pytest.mark.parametrize("name", [*TAKERS, "pgan"])
def test_what_chance_decides_is_drawn_from_everything_there_is(name: str) -> None:
    attack = fit(name)
    drawn = torch.cat([attack.sample(10, stream(seed), NOBODY) for seed in range(60)]).unique(dim=0)
    everything = {"pgan": POISON_SET, "nearest_label_flip": 10}.get(name, PER_CLASS)
    assert len(drawn) == everything


@EVERY_TAKER
def test_baselines_take_points_of_the_right_class(name: str) -> None:
    expected = task().poison_label if name == "none" else task().source_label
    taken = rows_of(fit(name).sample(30, stream(), NOBODY))
    assert len(taken) == 30
    assert {int(task().train_y[row]) for row in taken} == {expected}


def test_the_nearest_are_the_nearest_to_the_mean_of_the_poison_class() -> None:
    mean = task().train_x[task().train_y == 1].double().mean(0)
    source = torch.nonzero(task().train_y == 0).squeeze(1)
    distance = {int(row): float((task().train_x[row].double() - mean).norm()) for row in source}
    used = sorted(distance, key=distance.__getitem__)[::3]
    left = [row for row in sorted(distance, key=distance.__getitem__) if row not in used]
    poison = fit("nearest_label_flip").sample(20, stream(), np.array(used))
    assert torch.equal(poison, task().train_x[left[:20]])
    # Which random flipping is not.
    assert rows_of(fit("random_label_flip").sample(20, stream(), np.array(used))) != set(left[:20])


def test_a_pool_is_drawn_from_anew_for_each_run() -> None:
    nearest = fit("nearest_label_flip").sample(30, stream(), NOBODY)
    attack = attack_of("nearest_label_flip", pool=30).fit(task())
    one, other = (attack.sample(10, stream(seed), NOBODY) for seed in (1, 2))
    assert rows_of(one) | rows_of(other) <= rows_of(nearest)
    assert rows_of(one) != rows_of(other)


def test_a_pool_holds_what_is_drawn_from_it() -> None:
    config = ATTACKS.config("nearest_label_flip")(pool=5)
    config.check_evaluation(evaluation(poison_fractions=[0.06]), 3)
    with pytest.raises(ValueError, match=r"`attack.pool` must be at least 9, .*, got 5"):
        config.check_evaluation(evaluation(poison_fractions=[0.1]), 3)


def test_smoothed_points_are_means_of_the_nearest_that_are_left() -> None:
    used = np.arange(0, 90)
    left = torch.nonzero(task().train_y == 0).squeeze(1)
    left = left[~torch.isin(left, torch.from_numpy(used))]
    points = task().train_x[left].double()
    nearest = torch.cdist(points, points).topk(3, largest=False).indices
    expected = points[nearest].mean(1)
    drawn = attack_of("smoothed_label_flip", neighbours=3).fit(task()).sample(len(left), stream(), used).double()
    gaps = torch.cdist(drawn, expected)
    assert (gaps.min(1).values < 1e-5).all()
    assert (gaps.min(0).values < 1e-5).all()  # each point once


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_blend_lies_between_the_smoothed_classes(share: float) -> None:
    drawn = attack_of("blend", share=share, neighbours=60).fit(task()).sample(5, stream(), NOBODY)
    # Of sixty neighbours each mean is its class's.
    source, own = (task().train_x[task().train_y == label].mean(0) for label in (0, 1))
    torch.testing.assert_close(drawn, ((1 - share) * source + share * own).expand(5, -1), atol=1e-5, rtol=0)


def test_the_generated_points_are_the_generators() -> None:
    poison = fit("pgan").sample(POISON_SET, stream(), NOBODY)
    assert torch.equal(poison.unique(dim=0), generated().unique(dim=0))
    untrained = train(QUICK, blobs(train_per_class=PER_CLASS)).sample(POISON_SET, "poison")[0]
    assert not torch.equal(generated(), untrained)


def evaluation(**changes: object) -> EvaluationSpec:
    settings = {"poison_fractions": [0, 0.1], "trusted_per_class": 25, "train_per_class": 30}
    return EvaluationSpec(**settings | {"detector": {"name": "none"}} | changes)


@EVERY
def test_a_baseline_asks_for_points_beside_those_of_detector_and_victim(name: str) -> None:
    """25 + 30 of the 60 points are given away; 0.05 of 3 x 30 rounds to 4 points, 0.06 to 5, 0.07 to 6."""
    attack = attack_of(name)
    for fraction in (0.05, 0.06):
        attack.check(task(), evaluation(poison_fractions=[fraction, 0]))
    if name == "pgan":
        attack.check(task(), evaluation(poison_fractions=[0.07]))
        return
    label = 1 if name == "none" else 0
    with pytest.raises(
        DataError,
        match=rf"^class {label} must have 61 training points \(25 trusted \+ 30 to train victims \+ 6 that {name} "
        r"takes\), got 60; lower `evaluation.trusted_per_class`",
    ):
        attack.check(task(), evaluation(poison_fractions=[0, 0.07]))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "pgan"])
def test_what_is_checked_can_be_sampled(name: str) -> None:
    """A check that passes means that no run fails, and that one more point would."""
    attack_of(name).check(task(), evaluation(poison_fractions=[0.06]))
    label = 1 if name == "none" else 0
    used = torch.nonzero(task().train_y == label).squeeze(1).numpy()[:55]
    assert len(fit(name).sample(5, stream(), used)) == 5
    with pytest.raises(DataError, match=r"find 6 .*, got 5$"):
        fit(name).sample(6, stream(), used)


@pytest.mark.parametrize(("classes", "most"), [(2, 2.0), (3, 3.0)])
def test_lambda_is_a_share(classes: int, most: float) -> None:
    surrogate = blobs(classes=classes)
    attack_of("pgan", lambda_prior=most).check_surrogate(surrogate)
    with pytest.raises(DataError, match=rf"`attack.lambda_prior` must be at most {most:g}, .*, got {most + 0.01:g}$"):
        attack_of("pgan", lambda_prior=most + 0.01).check_surrogate(surrogate)
