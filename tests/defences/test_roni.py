"""Reject on negative impact, against training anew with each point."""

import numpy as np
import torch
from sklearn.kernel_ridge import KernelRidge

from pgan_ray.defences import Suspects
from pgan_ray.defences.roni import RIDGE, impact
from pgan_ray.registry import DEFENCES
from tests.defences.suspects import never


def draw(points: int, centre: float, seed: int) -> torch.Tensor:
    return torch.randn(points, 3, generator=torch.Generator().manual_seed(seed)) + centre


def test_the_impact_is_that_of_training_anew_with_the_point() -> None:
    base, validation = [draw(4, -0.4, 1), draw(4, 0.4, 2)], [draw(30, -0.4, 3), draw(30, 0.4, 4)]
    x, y = 3 * draw(25, 0.0, 5), torch.arange(25) % 2
    known, labels = torch.cat(base).double().numpy(), np.repeat([0, 1], 4)
    judged, truth = torch.cat(validation).double().numpy(), np.repeat([0, 1], 30)
    alpha = RIDGE * float((known**2).sum(1).mean() + 1)

    def right(points: np.ndarray, targets: np.ndarray) -> int:
        gram, across = 1 + points @ points.T, 1 + judged @ points.T
        model = KernelRidge(alpha=alpha, kernel="precomputed").fit(gram, np.eye(2)[targets])
        return int((model.predict(across).argmax(1) == truth).sum())

    expected = [
        right(np.vstack([known, one]), np.append(labels, label)) - right(known, labels)
        for one, label in zip(x.double().numpy(), y.numpy(), strict=True)
    ]
    found = impact(base, validation, x, y)
    assert found.tolist() == expected
    assert len(set(expected)) > 3


def test_points_that_mislead_are_dropped_and_most_others_kept() -> None:
    x = torch.cat((draw(60, -1.0, 1), draw(60, 1.0, 2), 8 * torch.ones(10, 3) + draw(10, 0.0, 3)))
    y = torch.cat((torch.zeros(60), torch.ones(60), torch.zeros(10))).long()
    given = Suspects(x, y, (draw(100, -1.0, 4), draw(100, 1.0, 5)), never)
    kept = DEFENCES.config("roni")().make().sanitise(given, np.random.default_rng(0)).kept
    assert not kept[120:].any()
    assert kept[:120].float().mean() > 0.85
