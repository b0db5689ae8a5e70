"""Attacks that move points: what all have in common, and each of them against what is independent of its engine."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from torch import Tensor
from torch.autograd.functional import hessian

from pgan_ray.attacks import Member, TrainedAttack
from pgan_ray.attacks.engines.back_gradient import BackGradientPoints
from pgan_ray.attacks.engines.canceling import CancelingPoints
from pgan_ray.attacks.engines.collision import CollidingPoints
from pgan_ray.attacks.engines.direct import GeneratedPoints
from pgan_ray.attacks.engines.feasible import FeasiblePoints, SphereAndSlab
from pgan_ray.attacks.engines.influence import InfluencePoints
from pgan_ray.attacks.engines.points import MovedPoints
from pgan_ray.attacks.engines.svm import SvmPoints, fit_machine
from pgan_ray.attacks.optimised import OptimisedAttack
from pgan_ray.data import TaskData
from pgan_ray.errors import DataError
from pgan_ray.registry import ATTACKS
from pgan_ray.spec import EvaluationSpec
from tests.science import CPU, blobs

ENGINES: dict[str, type[MovedPoints]] = {
    "back_gradient": BackGradientPoints,
    "biggio_svm": SvmPoints,
    "constrained": FeasiblePoints,
    "direct_generative": GeneratedPoints,
    "feature_collision": CollidingPoints,
    "gradient_canceling": CancelingPoints,
    "influence": InfluencePoints,
}
EVERY = pytest.mark.parametrize("name", ENGINES)
SMALL: dict[str, Any] = {"points": 6, "poison_fraction": 0.2, "validation_per_class": 20, "iterations": 10}


def test_these_are_all_there_are() -> None:
    found = {name for name in ATTACKS.own_names() if issubclass(ATTACKS.get(name), OptimisedAttack)}
    assert found == set(ENGINES)


def attack_of(name: str, **config: Any) -> OptimisedAttack:
    return ATTACKS.config(name)(**SMALL | config).make()


def start(name: str, task: TaskData | None = None, *, replicate: int = 0, exact: bool = False, **config: Any) -> Any:
    """The points of one replicate; ``exact``: in double precision, for comparisons with differences."""
    attack, task = attack_of(name, **config), task or blobs()
    if exact:
        task = TaskData(**vars(task) | {"train_x": task.train_x.double(), "test_x": task.test_x.double()})
    moved = attack.move(Member(replicate, 5, attack.config), task, CPU)
    assert isinstance(moved, ENGINES[name])
    return moved


def rows_of(points: Tensor, task: TaskData) -> list[int]:
    same = (points[:, None] == task.train_x).all(2)
    assert (same.sum(1) == 1).all()
    return torch.nonzero(same)[:, 1].tolist()


@pytest.mark.parametrize("name", [name for name in ENGINES if name not in ("constrained", "direct_generative")])
def test_surrogate_validation_and_poison_have_points_of_their_own(name: str) -> None:
    task, moved = blobs(), start(name, objective="all")
    parts = [rows_of(part, task) for part in (moved.genuine_x, moved.validation_x, moved.x)]
    assert len(set().union(*parts)) == sum(len(part) for part in parts)
    # 6 of 30 are poison: 15 a class, of the poison class 9 genuine ones.
    assert torch.bincount(moved.genuine_y).tolist() == [15, 9]
    assert torch.bincount(moved.validation_y).tolist() == [20, 20]
    began = task.train_y[parts[2]].unique().tolist()
    assert began == [1 if name == "feature_collision" else 0]
    assert torch.equal(task.train_y[parts[0]], moved.genuine_y)


@EVERY
def test_replicates_differ_and_their_bits_do_not_depend_on_who_else_moves(name: str) -> None:
    attack, task = attack_of(name), blobs()
    members = [Member(replicate, 5, attack.config) for replicate in range(2)]
    assert isinstance(attack, TrainedAttack)
    both = attack.train(members, task, device=CPU, precision="float32")
    both.train(3)
    alone = start(name, task, replicate=1)
    alone.train(3)
    one, other = both.sample(6, "poison")
    assert torch.equal(other, alone.sample(6, "poison")[0])
    assert not torch.equal(one, other)


@EVERY
def test_points_move_within_the_range_of_their_features(name: str) -> None:
    task = blobs(distance=1.0)
    moved = start(name, task, **({} if name == "direct_generative" else {"step_size": 100.0}))
    before = moved.x.clone()
    moved.train(5)
    low, high = task.train_x.amin(0), task.train_x.amax(0)
    assert ((moved.x >= low) & (moved.x <= high)).all()
    assert not torch.equal(moved.x, before)
    assert not moved.diverged_at


@EVERY
def test_a_set_gives_no_more_than_it_has(name: str) -> None:
    moved = start(name)
    assert moved.sample(50, "poison").shape == (1, 6, 6)
    assert {tuple(point) for point in moved.sample(4, "poison")[0].tolist()} <= {tuple(p) for p in moved.x.tolist()}
    config, spec = attack_of(name).config, {"train_per_class": 15, "trusted_per_class": 25}
    config.check_evaluation(EvaluationSpec(poison_fractions=[0.2], **spec), 2)
    with pytest.raises(ValueError, match=r"`attack.points` must be at least 12, .*, got 6"):
        config.check_evaluation(EvaluationSpec(poison_fractions=[0.4], **spec), 2)


@EVERY
def test_too_few_points_are_told(name: str) -> None:
    attack = attack_of(name)
    attack.check_surrogate(blobs(train_per_class=41))
    label = 1 if name == "feature_collision" else 0
    with pytest.raises(DataError, match=rf"class {label} must have 41 training points .* that become poison\), got 40"):
        attack.check_surrogate(blobs(train_per_class=40))
    with pytest.raises(DataError, match=r"`attack.poison_fraction` must be below 1/2 .*, got 0.5"):
        attack_of(name, poison_fraction=0.5).check_surrogate(blobs(train_per_class=400))


def test_a_support_vector_machine_has_two_classes() -> None:
    with pytest.raises(DataError, match="`biggio_svm` must have a surrogate of two classes, got 3"):
        attack_of("biggio_svm").check_surrogate(blobs(classes=3, train_per_class=200))


@pytest.mark.parametrize("name", [name for name in ENGINES if name != "biggio_svm"])
def test_three_classes(name: str) -> None:
    moved = start(name, blobs(classes=3))
    moved.train(3)
    assert moved.x.isfinite().all()


def test_points_that_are_no_numbers_have_diverged() -> None:
    moved = start("influence")
    moved.train(1)
    moved.x = moved.x * float("nan")
    moved.train(1)
    assert moved.diverged_at == {0: 2}
    again = start("influence")
    again.load_state(moved.state())
    assert again.diverged_at == {0: 2}


def test_only_the_sources_loss_counts_where_the_goal_says_so() -> None:
    assert set(start("influence", objective="source").validation_y.tolist()) == {0}


# Each against what is independent of its engine.


def differences(value: Any, x: Tensor, step: float = 1e-5) -> Tensor:
    """The gradient of ``value`` at ``x``, by central differences."""
    gradient = torch.zeros_like(x)
    for index in np.ndindex(*x.shape):
        for sign in (1, -1):
            shifted = x.clone()
            shifted[index] += sign * step
            gradient[index] += sign * value(shifted) / (2 * step)
    return gradient


def test_influence_is_the_slope_of_the_retrained_surrogates_loss() -> None:
    moved = start("influence", exact=True, damping=0.0, solver_steps=200, surrogate={"l2": 0.1})
    own, y = moved.surrogate, moved.poisoned[1]

    def minimum(poison: Tensor) -> Tensor:
        x, theta = torch.cat((moved.genuine_x, poison)), torch.zeros_like(moved.theta)
        for _ in range(12):  # Newton's
            slope = torch.func.grad(lambda at: own.objective(at, x, y))(theta)
            theta = theta - torch.linalg.solve(hessian(lambda at: own.objective(at, x, y), theta), slope)
        return theta

    def validation_loss(poison: Tensor) -> float:
        return float(own.loss(minimum(poison), moved.validation_x, moved.validation_y))

    moved.theta = minimum(moved.x)
    torch.testing.assert_close(moved.gradient(), differences(validation_loss, moved.x), rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("widths", [[], [5]])
def test_back_gradients_are_the_slope_of_the_whole_training(widths: list[int]) -> None:
    settings = {"surrogate": {"widths": widths, "l2": 0.05}, "training_steps": 15, "learning_rate": 0.3}
    moved = start("back_gradient", exact=True, **settings)

    def validation_loss(poison: Tensor) -> float:
        moved.x, before = poison, moved.x
        theta = moved.trained()[-1]
        moved.x = before
        return float(moved.surrogate.loss(theta, moved.validation_x, moved.validation_y))

    expected = differences(validation_loss, moved.x)
    assert expected.abs().max() > 1e-4
    torch.testing.assert_close(moved.gradient(moved.trained()), expected, rtol=1e-4, atol=1e-9)


def test_a_machine_is_scikit_learns_and_its_gradient_the_slope_of_its_validation_loss() -> None:
    random = np.random.default_rng(3)
    signs = np.repeat([-1.0, 1.0], 20)
    x = random.normal(0, 1, (40, 3)) + 0.8 * signs[:, None]
    valid_signs = np.repeat([-1.0, 1.0], 50)
    valid_x = random.normal(0, 1, (100, 3)) + 0.8 * valid_signs[:, None]

    def validation_loss(points: np.ndarray) -> float:
        machine = fit_machine(points, signs, penalty=0.7, tolerance=1e-12)
        return float(np.maximum(0, 1 - machine.margins(valid_x, valid_signs)).sum())

    machine = fit_machine(x, signs, penalty=0.7, tolerance=1e-12)
    theirs = SVC(kernel="linear", C=0.7).fit(x, signs)
    np.testing.assert_allclose(machine.margins(x, signs), signs * theirs.decision_function(x), atol=0.02)
    kinds = {"on the margin": (machine.alpha > 1e-6) & (machine.alpha < 0.7 - 1e-6), "within": machine.alpha > 0.699}
    kinds["outside"] = machine.alpha < 1e-9
    for kind, of_kind in kinds.items():
        row = int(np.flatnonzero(of_kind)[0])
        expected = np.zeros(3)
        for feature in range(3):
            for sign in (1, -1):
                shifted = x.copy()
                shifted[row, feature] += sign * 1e-3  # libsvm keeps products in single precision
                expected[feature] += sign * validation_loss(shifted) / 2e-3
        found = machine.hinge_gradient(valid_x, valid_signs, slice(row, row + 1))[0]
        np.testing.assert_allclose(found, expected, rtol=5e-3, atol=1e-4, err_msg=kind)
        assert (np.abs(found).max() == 0) == (kind == "outside")


@pytest.mark.parametrize("name", ["biggio_svm", "influence", "constrained", "back_gradient"])
def test_what_they_climb_rises(name: str) -> None:
    """As in the figures of their sources: the surrogate's validation loss is greater than that of flipped labels."""
    longer = {"learning_rate": 0.5, "training_steps": 40} if name == "back_gradient" else {}
    moved = start(name, blobs(distance=1.0, spread=0.5), iterations=30, step_size=0.5, **longer)
    losses = []
    for _ in range(3):
        moved.train(10)
        losses.append(next(iter(moved.report()[0].metrics.values())))
    assert losses[0] < losses[1] < losses[2]
    assert losses[2] > 1.1 * losses[0]


def test_the_nearest_point_of_sphere_and_slab_is_the_optimisers() -> None:
    random = np.random.default_rng(0)
    axis = torch.tensor([0.6, 0.8, 0.0], dtype=torch.float64)
    allowed = SphereAndSlab(torch.tensor([1.0, -1.0, 0.5], dtype=torch.float64), axis, radius=2.0, width=0.7)
    points = torch.from_numpy(random.normal(0, 3, (40, 3)))
    found = allowed.nearest(points)
    centre = allowed.centre.numpy()
    rules = [
        {"type": "ineq", "fun": lambda z: 4 - ((z - centre) ** 2).sum()},
        {"type": "ineq", "fun": lambda z: 0.7 - (z - centre) @ axis.numpy()},
        {"type": "ineq", "fun": lambda z: 0.7 + (z - centre) @ axis.numpy()},
    ]
    for point, ours in zip(points.numpy(), found.numpy(), strict=True):
        theirs = minimize(lambda z, p=point: ((z - p) ** 2).sum(), centre, constraints=rules, tol=1e-12)
        np.testing.assert_allclose(ours, theirs.x, atol=1e-4)
    inside = allowed.centre + 0.1 * torch.eye(3, dtype=torch.float64)
    torch.testing.assert_close(allowed.nearest(inside), inside)
    for kept in (allowed.shrunk(points), found):
        offsets = kept - allowed.centre
        assert (offsets.norm(dim=1) <= 2 + 1e-9).all()
        assert ((offsets @ axis).abs() <= 0.7 + 1e-9).all()


def test_constrained_points_pass_the_defence_that_they_expect() -> None:
    task = blobs(distance=1.0, spread=0.5)
    moved = start("constrained", task, step_size=100.0, percentile=0.8)
    for _ in range(4):
        moved.train(1)
        offsets = moved.x - moved.allowed.centre
        assert (offsets.norm(dim=1) <= moved.allowed.radius + 1e-5).all()
        assert ((offsets @ moved.allowed.axis).abs() <= moved.allowed.width + 1e-5).all()
    own = task.poison_class_x - task.poison_class_x.mean(0)
    assert float((own.norm(dim=1) <= moved.allowed.radius).double().mean()) == pytest.approx(0.8, abs=0.02)


def test_training_on_points_that_cancel_the_gradient_ends_at_the_target() -> None:
    """Logistic regression has one minimum: where the target's gradient is nought, scikit-learn finds the target."""
    task = blobs(distance=1.0, spread=0.5, features=2)
    settings = {"iterations": 600, "step_size": 0.1, "corruption": 0.2, "surrogate": {"l2": 0.05}}
    moved = start("gradient_canceling", task, exact=True, **settings)
    moved.train(600)
    left = moved._gradient(moved.x).norm() / moved._unopposed
    assert left < 1e-3
    x, y = moved.poisoned
    # Its penalty is on the weights alone, ours on the bias, too: a feature of ones in the bias's place.
    ones = np.column_stack((x.numpy(), np.ones(len(x))))
    # Two logits with the penalty l2 are one, their difference, with half of it.
    theirs = LogisticRegression(C=1 / (len(x) * 0.05 / 2), fit_intercept=False, tol=1e-10, max_iter=10_000).fit(ones, y)
    weights, bias = moved.target[:4].view(2, 2), moved.target[4:]
    expected = torch.cat((weights[1] - weights[0], bias[1:] - bias[:1]))
    torch.testing.assert_close(torch.from_numpy(theirs.coef_[0]), expected, rtol=2e-2, atol=1e-2)
    clean = moved.surrogate.fitted(moved.target, moved.genuine_x, moved.genuine_y, 500)
    valid = moved.validation_x, moved.validation_y
    assert moved.validation_y.unique().tolist() == [0]
    assert moved.surrogate.loss(moved.target, *valid) > moved.surrogate.loss(clean, *valid)


def test_a_target_that_is_out_of_reach_is_said() -> None:
    attack = attack_of("gradient_canceling")
    assert attack.health({"gradient_left": 0.1}) == ""
    assert "80% of the gradient that the points should cancel is left" in attack.health({"gradient_left": 0.8})


def test_features_collide_as_a_linear_network_says_they_must() -> None:
    """With f(x) = x the fixed point of forward-backward splitting is (t + beta b) / (1 + beta)."""
    task = blobs()
    settings = {"surrogate": {"widths": []}, "similarity": 0.5, "step_size": 0.4, "iterations": 10_000}
    moved = start("feature_collision", task, **settings)
    moved.train(100)
    torch.testing.assert_close(moved.x, (2 * moved.wanted + 0.5 * moved.bases) / 2.5, atol=1e-4, rtol=1e-4)


def test_features_come_nearer_while_points_stay() -> None:
    moved = start("feature_collision", blobs(features=20), iterations=100)
    before = float(moved.distance(moved.x).mean())
    moved.train(100)
    assert float(moved.distance(moved.x).mean()) < 0.5 * before
    apart = (moved.genuine_x[moved.genuine_y == 0][:, None] - moved.bases).norm(dim=2).min()
    assert (moved.x - moved.bases).norm(dim=1).max() < apart


def test_a_generators_slope_goes_through_the_classifiers_step() -> None:
    moved = start("direct_generative", exact=True, autoencoder={"widths": [3], "pretraining": 5})
    few = torch.arange(0, len(moved.weights_of_g), 5)

    def validation_loss(part: Tensor) -> float:
        weights = moved.weights_of_g.clone()
        weights[few] = part
        return float(moved.validation_loss_after_a_step(weights))

    found = torch.func.grad(moved.validation_loss_after_a_step)(moved.weights_of_g)[few]
    assert found.abs().max() > 1e-6
    torch.testing.assert_close(found, differences(validation_loss, moved.weights_of_g[few]), rtol=1e-4, atol=1e-10)


def test_a_generator_gives_back_its_input_at_first_and_then_makes_the_classifiers_step_worse() -> None:
    settings = {"autoencoder": {"pretraining": 600, "learning_rate": 5e-3}, "iterations": 100}
    moved = start("direct_generative", blobs(distance=1.0, spread=0.5), points=12, poison_fraction=0.3, **settings)
    assert (moved.x - moved.inputs).square().mean() < 0.1 * moved.inputs.var()
    moved.train(5)
    theta, before = moved.theta, float(moved.validation_loss_after_a_step(moved.weights_of_g))
    for _ in range(30):
        moved.train(1)
        moved.theta = theta  # the same step each time
    assert float(moved.validation_loss_after_a_step(moved.weights_of_g)) > before
