"""Fixtures of the evaluation room's tests."""

from typing import Any

import pytest
from torch import Tensor

from pgan_ray.defences import fit_detector
from pgan_ray.evaluation import training_set
from tests.evaluation.points import Fitted


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> Fitted:
    """Looks over the shoulders of the detectors."""
    record = Fitted()

    class Recording:
        def __init__(self, spec: Any, trusted: Tensor, random: Any, others: Any) -> None:
            record.trusted.append(trusted)
            self.detector = fit_detector(spec, trusted, random, others)

        def reject(self, points: Tensor) -> Tensor:
            record.asked.append(points)
            record.rejected.append(self.detector.reject(points))
            return record.rejected[-1]

    monkeypatch.setattr(training_set, "fit_detector", Recording)
    return record
