"""The contract of every detector of the schema."""

from typing import get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from pgan_ray.defences import Detector, KnnDistance, NoDetector, fit_detector
from pgan_ray.spec.evaluation import DetectorSpec

NAMES = get_args(DetectorSpec.model_fields["name"].annotation)
EVERY = pytest.mark.parametrize("name", NAMES)


def draw(points: int, seed: int) -> Tensor:
    return torch.randn(points, 4, generator=torch.Generator().manual_seed(seed))


def fit(name: str, trusted: Tensor, seed: int = 0) -> Detector:
    return fit_detector(DetectorSpec(name=name), trusted, np.random.default_rng(seed))


@EVERY
@pytest.mark.parametrize("points", [0, 1, 30])
def test_one_boolean_for_each_point(name: str, points: int) -> None:
    rejected = fit(name, draw(100, seed=1)).reject(draw(points, seed=2))
    assert rejected.shape == (points,)
    assert rejected.dtype == torch.bool


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


@EVERY
def test_most_genuine_points_pass(name: str) -> None:
    rejected = fit(name, draw(500, seed=1)).reject(draw(500, seed=2))
    assert rejected.float().mean() < 0.15


def test_names() -> None:
    trusted = draw(100, seed=1)
    assert isinstance(fit("none", trusted), NoDetector)
    detector = fit("knn_distance", trusted)
    assert isinstance(detector, KnnDistance)
    spec = DetectorSpec(neighbours=2, sample_size=30, percentile=0.8)
    given = fit_detector(spec, trusted, np.random.default_rng(3))
    expected = KnnDistance(trusted, neighbours=2, sample_size=30, percentile=0.8, random=np.random.default_rng(3))
    assert torch.equal(given.score(trusted), expected.score(trusted))
    assert given.threshold == expected.threshold


def test_without_a_detector_nothing_is_rejected() -> None:
    assert not fit("none", draw(100, seed=1)).reject(1e6 * draw(50, seed=2)).any()
