"""The contract of every detector of the schema."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from pgan_ray.defences import Fitted, fit_detector
from pgan_ray.defences.interface import FittedScore
from pgan_ray.registry import DETECTORS
from pgan_ray.spec import EvaluationSpec

NAMES = DETECTORS.own_names()
EVERY = pytest.mark.parametrize("name", NAMES)
EVERY_REJECTING = pytest.mark.parametrize("name", [name for name in NAMES if name != "none"])
# Those that see a point's distance in whatever direction it is.
EVERY_ROUND = pytest.mark.parametrize("name", [n for n in NAMES if n not in ("none", "slab", "loss", "pca_distance")])
EVERY_SCORED = pytest.mark.parametrize("name", [name for name in NAMES if name not in ("none", "knn_distance")])


def draw(points: int, seed: int) -> Tensor:
    return torch.randn(points, 4, generator=torch.Generator().manual_seed(seed))


def fit(name: str, trusted: Tensor, seed: int = 0, percentile: float = 0.95) -> Fitted:
    """Beside a class that lies three standard deviations off in every feature."""
    config = DETECTORS.config(name)(**{"percentile": percentile} if name != "none" else {})
    other = torch.nn.functional.pad(draw(100, seed=99) + 3.0, (0, trusted.shape[1] - 4), value=-1.0)
    return fit_detector(config, trusted, np.random.default_rng(seed), [other])


@EVERY
@pytest.mark.parametrize("points", [0, 1, 30])
def test_one_boolean_for_each_point(name: str, points: int) -> None:
    rejected = fit(name, draw(100, seed=1)).reject(draw(points, seed=2))
    assert rejected.shape == (points,)
    assert rejected.dtype == torch.bool


@EVERY
def test_the_fewest_trusted_points_that_a_sweep_may_ask_for_are_enough(name: str) -> None:
    fewest = next(points for points in range(2, 50) if is_allowed(name, points))
    rejected = fit(name, draw(fewest, seed=1)).reject(draw(30, seed=2))
    assert rejected.shape == (30,)


def is_allowed(name: str, trusted: int) -> bool:
    try:
        EvaluationSpec(poison_fractions=[0], trusted_per_class=trusted, detector={"name": name})
    except ValidationError:
        return False
    return True


@EVERY
def test_the_generator_decides(name: str) -> None:
    trusted, points = draw(100, seed=1), 1.5 * draw(300, seed=2)
    first = fit(name, trusted)
    assert torch.equal(first.reject(points), first.reject(points))
    assert torch.equal(first.reject(points), fit(name, trusted).reject(points))


@EVERY
def test_each_point_is_judged_by_itself(name: str) -> None:
    detector, points = fit(name, draw(100, seed=1)), 1.5 * draw(50, seed=2)
    apart = torch.cat([detector.reject(point[None]) for point in points])
    assert torch.equal(detector.reject(points), apart)


@EVERY
def test_what_it_is_given_stays_as_it_is(name: str) -> None:
    trusted, points = draw(100, seed=1), draw(50, seed=2)
    before = trusted.clone(), points.clone()
    detector = fit(name, trusted)
    rejected = detector.reject(points)
    assert torch.equal(trusted, before[0])
    assert torch.equal(points, before[1])
    trusted.zero_()  # nor does it depend on the caller's tensor
    assert torch.equal(detector.reject(points), rejected)


@EVERY_REJECTING
@pytest.mark.parametrize("percentile", [0.8, 0.95])
def test_every_detector_rejects_the_same_share_of_fresh_genuine_points(name: str, percentile: float) -> None:
    """Whatever a detector measures: columns of one percentile compare.

    Each threshold is a quantile of 200 or more held-out scores, so its share has a standard deviation of at most
    sqrt(0.8 * 0.2 / 200) = 0.028; the mean of six, with their fresh points, 0.012. Allowed are three of these.
    """
    shares = [
        fit(name, draw(400, seed), seed, percentile).reject(draw(1000, 1000 + seed)).float().mean()
        for seed in range(6, 12)
    ]
    assert np.mean(shares) == pytest.approx(1 - percentile, abs=0.036)


@EVERY_SCORED
@pytest.mark.parametrize(("percentile", "above"), [(0.8, 20), (0.95, 5)])
def test_the_threshold_is_of_points_that_the_score_was_not_fitted_on(name: str, percentile: float, above: int) -> None:
    trusted = draw(200, seed=1)
    order = torch.from_numpy(np.random.default_rng(7).permutation(200))
    detector = fit(name, trusted, seed=7, percentile=percentile)
    assert detector.reject(trusted[order[100:]]).sum() == above
    # The other half is all that the score knows: that half moved, and every score is another one.
    moved = trusted.clone()
    moved[order[100:]] += 1.0
    other = fit(name, moved, seed=7, percentile=percentile)
    assert isinstance(detector, FittedScore)
    assert isinstance(other, FittedScore)
    assert torch.equal(other.score(trusted), detector.score(trusted))
    assert not torch.equal(other.limits[1], detector.limits[1])


@EVERY_REJECTING
def test_a_larger_percentile_rejects_fewer_and_no_others(name: str) -> None:
    trusted, points = draw(200, seed=1), 1.5 * draw(300, seed=2)
    before = torch.ones(300, dtype=torch.bool)
    for percentile in (0.05, 0.5, 0.8, 0.95):
        rejected = fit(name, trusted, percentile=percentile).reject(points)
        assert not (rejected & ~before).any()
        assert rejected.sum() < before.sum()
        before = rejected


@EVERY_ROUND
@pytest.mark.parametrize("distance", [10.0, 1e3, 1e6])
def test_far_points_are_rejected_and_central_ones_kept(name: str, distance: float) -> None:
    detector = fit(name, draw(200, seed=1))
    # Far in every feature: to an isolation forest a point is hardly odd that is so in one of four.
    corners = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 4)
    assert detector.reject(distance * corners).all()
    assert not detector.reject(0.2 * corners).any()


@EVERY_REJECTING
def test_points_that_are_no_numbers_are_rejected(name: str) -> None:
    points = torch.zeros(4, 4)
    points[0, 2], points[1, 0], points[3] = float("nan"), float("inf"), float("nan")
    assert fit(name, draw(200, seed=1)).reject(points).tolist() == [True, True, False, True]


@EVERY_REJECTING
def test_another_stream_is_another_detector(name: str) -> None:
    trusted, points = draw(200, seed=1), 1.5 * draw(300, seed=2)
    first, second = (fit(name, trusted, seed).reject(points) for seed in (0, 1))
    assert not torch.equal(first, second)


@EVERY
def test_features_that_never_vary_do_no_harm(name: str) -> None:
    """The background of images is exactly -1."""
    pad = (0, 30, 0, 0)
    detector = fit(name, torch.nn.functional.pad(draw(300, seed=1), pad, value=-1.0))
    share = detector.reject(torch.nn.functional.pad(draw(500, seed=2), pad, value=-1.0)).float().mean()
    assert share == 0 if name == "none" else 0.01 < share < 0.12


def test_the_sphere_is_the_distance_to_the_mean_of_what_it_was_fitted_on() -> None:
    trusted, points = draw(101, seed=1), draw(40, seed=2)
    fitted = trusted.double().numpy()[np.random.default_rng(3).permutation(101)[:50]]
    detector = fit("sphere", trusted, seed=3)
    assert isinstance(detector, FittedScore)
    expected = np.sqrt(((points.double().numpy() - fitted.mean(0)) ** 2).sum(1))
    np.testing.assert_allclose(detector.score(points).numpy(), expected, rtol=1e-5)


def test_without_a_detector_nothing_is_rejected() -> None:
    assert not fit("none", draw(100, seed=1)).reject(1e6 * draw(50, seed=2)).any()
