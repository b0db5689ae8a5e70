"""Detectors with a geometry of their own, against closed forms and cases worked by hand."""

import numpy as np
import pytest
import torch
from torch import Tensor

from pgan_ray.defences import fit_detector
from pgan_ray.defences.interface import FittedScore
from pgan_ray.registry import DETECTORS


def fit(name: str, trusted: Tensor, *others: Tensor, seed: int = 0, **keys: object) -> FittedScore:
    fitted = fit_detector(DETECTORS.config(name)(**keys), trusted, np.random.default_rng(seed), others)
    assert isinstance(fitted, FittedScore)
    return fitted


def around(*centre: float, points: int = 400, seed: int = 1, spread: tuple[float, ...] = (1.0,)) -> Tensor:
    noise = torch.randn(points, len(centre), generator=torch.Generator().manual_seed(seed))
    return torch.tensor(centre) + noise * torch.tensor(spread)


def test_the_slab_is_the_projection_on_the_line_between_the_means() -> None:
    """By hand: means (0, 0) and (4, 3), so the line's direction is (4, 3) / 5."""
    own = torch.zeros(10, 2)
    slab = fit("slab", own, torch.tensor([[4.0, 3.0]] * 10))
    points = torch.tensor([[5.0, 0.0], [0.0, -5.0], [-3.0, 4.0], [8.0, 6.0]])
    torch.testing.assert_close(slab.score(points), torch.tensor([4.0, 3.0, 0.0, 10.0]))


def test_the_slab_takes_the_worst_of_several_lines() -> None:
    slab = fit("slab", torch.zeros(10, 2), torch.tensor([[2.0, 0.0]] * 5), torch.tensor([[0.0, 7.0]] * 5))
    torch.testing.assert_close(slab.score(torch.tensor([[1.0, -6.0], [9.0, 0.5]])), torch.tensor([6.0, 9.0]))


def test_the_slab_is_blind_across_the_line_and_the_sphere_is_not() -> None:
    own, other = around(0, 0), around(10, 0, seed=2)
    points = torch.tensor([[0.0, 30.0], [5.0, 0.0]])
    assert fit("slab", own, other).reject(points).tolist() == [False, True]
    assert fit("sphere", own, other).reject(points).tolist() == [True, True]


@pytest.mark.parametrize("name", ["slab", "loss"])
def test_a_contrast_needs_another_class(name: str) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be given trusted points of another class too, got none"):
        fit(name, around(0, 0))


def test_the_loss_rises_towards_the_other_class_and_is_a_logarithm() -> None:
    """Midway between classes that mirror each other the probability is a half."""
    own = torch.tensor([[-2.0], [-4.0]] * 50)
    loss = fit("loss", own, torch.tensor([[2.0], [4.0]] * 25))
    found = loss.score(torch.tensor([[-3.0], [0.0], [3.0]]))
    assert found[1] == pytest.approx(np.log(2), abs=0.1)
    assert found[0] < 0.1 < found[1] < found[2]
    # -log p and -log(1 - p) of one logistic curve
    assert float(torch.exp(-found[0]) + torch.exp(-found[2])) == pytest.approx(1, abs=0.1)


def test_the_loss_of_several_classes_is_that_of_its_own() -> None:
    own, left, right = around(0, 0), around(-9, 0, seed=2), around(9, 0, seed=3)
    assert fit("loss", own, left, right).reject(torch.tensor([[0.0, 0.0], [-9.0, 0.0], [9.0, 0.0]])).tolist() == [
        False,
        True,
        True,
    ]


def test_the_distance_from_the_plane_is_that_of_what_the_components_leave_out() -> None:
    """By hand: the variance lies along (1, 1, 0) / sqrt(2)."""
    own = torch.tensor([[t, t, 0.0] for t in (-3.0, -1.0, 1.0, 3.0)] * 100)
    own = own + around(0, 0, 0, spread=(0.01,))
    pca = fit("pca_distance", own)
    points = torch.tensor([[50.0, 50.0, 0.0], [1.0, -1.0, 0.0], [2.0, 2.0, 7.0]])
    expected = torch.tensor([0.0, 2**0.5, 7.0], dtype=torch.float64)
    torch.testing.assert_close(pca.score(points), expected, atol=0.15, rtol=0)


def test_the_share_of_variance_says_how_many_components() -> None:
    own = around(0, 0, 0, 0, points=4000, spread=(10.0, 3.0, 1.0, 0.1))  # 90.8, 8.2, 0.9 and 0.01 per cent
    point = torch.tensor([[0.0, 5.0, 0.0, 0.0]])
    assert float(fit("pca_distance", own, explained=0.8).score(point)) == pytest.approx(5, abs=0.2)
    assert float(fit("pca_distance", own, explained=0.95).score(point)) == pytest.approx(0, abs=0.2)
    point = torch.tensor([[0.0, 0.0, 0.0, 5.0]])
    assert float(fit("pca_distance", own, explained=0.99999).score(point)) == pytest.approx(5, abs=0.2)


def test_the_mahalanobis_distance_is_in_units_of_the_spread() -> None:
    """Closed form of a diagonal covariance: sqrt(sum of (x / spread)^2); with so many points shrinkage is small."""
    own = around(1, -1, points=20_000, spread=(10.0, 1.0))
    distance = fit("mahalanobis", own)
    points = torch.tensor([[1.0, -1.0], [21.0, -1.0], [1.0, 1.0], [31.0, 3.0]])
    np.testing.assert_allclose(distance.score(points), [0, 2, 2, 5], atol=0.15)


def test_shrinkage_serves_more_features_than_points() -> None:
    own = around(*[0.0] * 50, points=40)
    far = 5 * torch.ones(1, 50)
    detector = fit("mahalanobis", own)
    assert detector.reject(far).all()
    assert not detector.reject(own.mean(0, keepdim=True)).any()
