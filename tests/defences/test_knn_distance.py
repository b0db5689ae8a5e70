import numpy as np
import pytest
import torch

from pgan_ray.defences import FittedScore
from pgan_ray.defences.knn_distance import KnnDistance, KnnDistanceConfig


def draw(points: int, seed: int, features: int = 5) -> torch.Tensor:
    return torch.randn(points, features, generator=torch.Generator().manual_seed(seed))


def fit(trusted: torch.Tensor, *, k: int = 3, s: int = 10, percentile: float = 0.9, seed: int = 0) -> FittedScore:
    config = KnnDistanceConfig(neighbours=k, sample_size=s, percentile=percentile)
    return KnnDistance(config).fit(trusted, np.random.default_rng(seed))


def brute_force(points: np.ndarray, sample: np.ndarray, k: int) -> np.ndarray:
    """Mean distance to the k nearest of the sample, point by point."""
    return np.array([np.sort([np.sqrt(((p - q) ** 2).sum()) for q in sample])[:k].mean() for p in points])


@pytest.mark.parametrize(("k", "s"), [(1, 1), (3, 10), (5, 20), (10, 10)])
@pytest.mark.parametrize("percentile", [0.5, 0.9, 0.95])
def test_against_brute_force(k: int, s: int, percentile: float) -> None:
    trusted, points = draw(45, seed=1), 1.5 * draw(200, seed=2)
    detector = fit(trusted, k=k, s=s, percentile=percentile)
    order = np.random.default_rng(0).permutation(45)
    sample, rest = trusted.double().numpy()[order[:s]], trusted.double().numpy()[order[s:]]
    scores = brute_force(points.double().numpy(), sample, k)
    threshold = np.quantile(brute_force(rest, sample, k), percentile)
    np.testing.assert_allclose(detector.score(points).numpy(), scores, rtol=1e-5)
    assert detector.limits[1].item() == pytest.approx(threshold, rel=1e-5)
    assert detector.reject(points).tolist() == (scores > threshold).tolist()


def test_the_threshold_keeps_the_percentile_of_the_points_not_sampled() -> None:
    trusted = draw(120, seed=1)
    detector = fit(trusted, k=1, s=20, percentile=0.9)
    # The sampled points would be no measure: each is at distance 0 from itself.
    sampled = detector.score(trusted) == 0
    assert sampled.sum() == 20
    assert detector.reject(trusted[~sampled]).sum() == 10


def test_the_sample_is_drawn_from_the_whole_trusted_set() -> None:
    trusted = torch.arange(100.0)[:, None]
    sampled = torch.stack([fit(trusted, k=1, seed=seed).score(trusted) == 0 for seed in range(200)])
    assert (sampled.sum(1) == 10).all()
    assert sampled.any(0).all()


@pytest.mark.parametrize("percentile", [0.9, 0.95])
def test_genuine_points_are_rejected_at_the_rate_that_was_asked_for(percentile: float) -> None:
    rejected = [
        fit(draw(220, seed), k=5, s=20, percentile=percentile, seed=seed).reject(draw(500, 1000 + seed)).float().mean()
        for seed in range(60)
    ]
    assert np.mean(rejected) == pytest.approx(1 - percentile, abs=0.01)


def test_far_points_are_rejected_and_central_ones_kept() -> None:
    detector = fit(draw(100, seed=1))
    assert detector.reject(draw(50, seed=2) + 10).all()
    assert not detector.reject(0.1 * draw(50, seed=2)).any()


def test_near_points_far_from_the_origin_keep_their_digits() -> None:
    trusted = draw(60, seed=1).round()
    near, far = fit(trusted), fit(trusted + 4096)
    points = draw(100, seed=2).round()
    torch.testing.assert_close(far.score(points + 4096), near.score(points))


def test_a_point_on_the_threshold_passes() -> None:
    # Five times the same distance, whatever the sample.
    detector = fit(torch.eye(12), k=1, s=4, percentile=0.95)
    assert not detector.reject(torch.eye(12)).any()


def test_points_that_are_no_numbers_are_rejected() -> None:
    points = torch.zeros(3, 5)
    points[0, 2], points[1, 0] = float("nan"), float("inf")
    assert fit(draw(60, seed=1)).reject(points).tolist() == [True, True, False]
