"""Defences on a victim's own features, which are given here, with poison that stands apart in them alone."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pgan_ray.defences import Sanitised, Suspects
from pgan_ray.registry import DEFENCES
from tests.defences.suspects import Read

POINTS, POISON = 100, 15


def features(seed: int = 1, apart: float = 6.0) -> Tensor:
    """Of class 0, and of class 1 whose last points are poison."""
    found = torch.randn(2 * POINTS, 12, generator=torch.Generator().manual_seed(seed))
    found[-POISON:, 3] += apart
    return found


def decide(name: str, representation: Tensor, **keys: Any) -> Sanitised:
    asked = []

    def ask(x: Tensor, y: Tensor, points: Tensor) -> Read:
        asked.append((x, y, points))
        return Read(torch.zeros(len(points), 2), representation)

    y = torch.arange(2).repeat_interleave(POINTS)
    given = Suspects(torch.zeros(2 * POINTS, 2), y, (torch.zeros(1, 2),) * 2, ask)
    found: Sanitised = DEFENCES.config(name)(**keys).make().sanitise(given, np.random.default_rng(0))
    assert len(asked) == 1
    assert torch.equal(found.y, y)
    return found


def test_a_signature_is_dropped_with_half_as_many_points_more() -> None:
    kept = decide("spectral_signature", features(), poison_share=0.16).kept
    assert kept[:POINTS].sum() == kept[POINTS:].sum() == POINTS - 24
    assert not kept[-POISON:].any()


def test_scores_are_squared_projections_on_the_first_singular_vector() -> None:
    given = features(seed=4, apart=2.0)
    kept = decide("spectral_signature", given, poison_share=0.2).kept
    for rows in (range(POINTS), range(POINTS, 2 * POINTS)):
        own = given[list(rows)].double().numpy()
        values, vectors = np.linalg.eigh(np.cov(own.T))
        scores = ((own - own.mean(0)) @ vectors[:, values.argmax()]) ** 2
        dropped = {rows[int(index)] for index in np.argsort(scores)[-30:]}
        assert {int(row) for row in (~kept).nonzero() if int(row) in rows} == dropped


def test_a_small_cluster_apart_is_dropped() -> None:
    kept = decide("activation_clustering", features(apart=30.0)).kept
    assert not kept[-POISON:].any()
    assert kept[POINTS:-POISON].all()


@pytest.mark.parametrize(("share", "kept"), [(0.2, True), (0.4, False)])
def test_a_cluster_that_is_not_small_is_kept(share: float, kept: bool) -> None:
    given = torch.zeros(2 * POINTS, 1)
    given[:30] = 5.0
    given += 0.1 * torch.randn(2 * POINTS, 1, generator=torch.Generator().manual_seed(2))
    found = decide("activation_clustering", given, largest_share=share, components=1).kept
    assert bool(found[:30].all()) == kept
    assert found[30:POINTS].all()


def test_features_that_are_all_alike_lose_nothing() -> None:
    assert decide("activation_clustering", torch.ones(2 * POINTS, 5)).kept.all()
