"""The contract of detectors."""

import math
from typing import Any

import numpy as np
import torch

from pgan_ray.defences import Detector
from pgan_ray.registry import DETECTORS
from pgan_ray.testing.points import contract, found, make_points, must, shown


@contract
def check_detector(component: Any, **config: Any) -> None:
    """Check that the detector ``component``, a class or a name, with the keys ``config``, does what sweeps rely on.

    Raises `AssertionError`, which says what must hold.
    """
    cls = found(DETECTORS, component)
    detector: Detector = cls.Config(**config).make()
    genuine, labels = make_points(2, 200, seed=3)
    trusted, odd = genuine[labels == 0][:100], genuine[labels == 1][:30]
    fresh = genuine[labels == 0][100:]
    before = trusted.clone(), fresh.clone()
    others = [genuine[labels == 1][30:]]
    fitted = detector.fit_among(trusted, others, np.random.default_rng(1))
    for points in (fresh[:0], fresh[:1], fresh):
        rejected = fitted.reject(points)
        fits = isinstance(rejected, torch.Tensor) and rejected.shape == (len(points),) and rejected.dtype == torch.bool
        must(fits, f"`reject` must give {len(points)} booleans, got {shown(rejected)}")
    rejected = fitted.reject(fresh)
    alone = torch.cat([fitted.reject(point[None]) for point in fresh])
    must(torch.equal(alone, rejected), "whether a point is rejected must not depend on the other points")
    again = detector.fit_among(trusted, others, np.random.default_rng(1)).reject(fresh)
    must(torch.equal(again, rejected), "the same stream must give the same detector")
    must(torch.equal(trusted, before[0]) and torch.equal(fresh, before[1]), "the points must not be changed")
    share, of_odd = float(rejected.float().mean()), float(fitted.reject(odd).float().mean())
    must(share <= 0.5, f"most genuine points must be kept, got {share:.0%} rejected")
    if detector.filters:
        must(
            of_odd >= share,
            f"points of another class must be rejected at least as often as genuine ones, got {of_odd:.0%}",
        )
    flop = detector.flop(64, 100, 100)
    must(math.isfinite(flop) and flop >= 0, f"`flop` must be a number of 0 or more, got {flop}")
