"""What a score of somebody else's must be."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pgan_ray.defences import Fitted, ScoredDetector, fit_detector
from pgan_ray.registry import ComponentError

TRUSTED = torch.randn(40, 3, generator=torch.Generator().manual_seed(1))
TRUSTED[:, 2] = 1.0


class Scored(ScoredDetector):
    """A detector whose score can be anything."""

    score: Any = None

    def fit_score(self, points: Tensor, random: np.random.Generator) -> Any:
        return self.score


class WithoutSection(ScoredDetector):
    """A detector whose author forgot what it is made of."""

    def __init__(self) -> None: ...


def fit(monkeypatch: pytest.MonkeyPatch, score: Any) -> Fitted:
    monkeypatch.setattr(Scored, "score", staticmethod(score))
    return fit_detector(Scored.Config(), TRUSTED, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("score", "got"),
    [
        (lambda x: x.abs(), r"Tensor of shape \(20, 3\) and torch.float32"),
        (lambda x: x.abs().amax(1, keepdim=True), r"Tensor of shape \(20, 1\)"),
        (lambda x: x.abs().max(), r"Tensor of shape \(\) and"),
        (lambda x: x.numpy().max(1), r"ndarray of shape \(20,\) and float32"),
        (lambda x: None, "NoneType$"),
    ],
)
def test_it_is_a_number_for_each_point(monkeypatch: pytest.MonkeyPatch, score: Any, got: str) -> None:
    with pytest.raises(ValueError, match=f"a score must be a tensor of numbers, one for each of 20 points, got {got}"):
        fit(monkeypatch, score)


def test_it_may_count(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = fit(monkeypatch, lambda x: (x > 0).sum(1))
    assert fitted.reject(torch.tensor([[-1.0, -1.0, -1.0]])).tolist() == [False]


def test_it_is_a_number_for_each_trusted_point(monkeypatch: pytest.MonkeyPatch) -> None:
    def of_a_constant_feature(x: Tensor) -> Tensor:
        return ((x - TRUSTED.mean(0)) / TRUSTED.std(0)).abs().amax(1)

    with pytest.raises(ValueError, match="a score must be a number for each trusted point, got NaN for 20 of 20"):
        fit(monkeypatch, of_a_constant_feature)


def test_a_point_that_has_no_score_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = fit(monkeypatch, lambda x: x[:, 0].where(x[:, 0] < 9, torch.nan).double().requires_grad_())
    assert fitted.reject(torch.tensor([[0.0, 0.0, 0.0], [99.0, 0.0, 0.0]])).tolist() == [False, True]


def test_a_class_that_cannot_be_made_is_told_by_its_name() -> None:
    rule = r"the detector `.*:WithoutSection` must accept its section as its only argument, `WithoutSection\(config\)`"
    with pytest.raises(ComponentError, match=rule):
        WithoutSection.Config().make()
