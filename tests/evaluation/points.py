"""Points that can be told apart: their first feature is their index, their second their class."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pgan_ray.data import TaskData
from pgan_ray.evaluation import TrainingSet
from pgan_ray.spec import EvaluationSpec

POISON = 1_000_000  # poison's indices start here, test points' are below 0


def numbered(classes: int = 2, per_class: int = 70) -> TaskData:
    y = torch.arange(classes).repeat(per_class)
    x = torch.stack((torch.arange(float(len(y))), y.float()), dim=1)
    return TaskData(x, y, -1 - x, y, tuple(range(classes)), 1, 0, None)


def numbered_poison(points: int = 100) -> Tensor:
    return torch.stack((POISON + torch.arange(float(points)), torch.ones(points)), dim=1)


def make_spec(detector: str = "none", **changes: Any) -> EvaluationSpec:
    settings: dict[str, Any] = {
        "poison_fractions": [0.0],
        "train_per_class": 40,
        "trusted_per_class": 30,
        "detector": {"name": detector},
    }
    return EvaluationSpec(**settings | changes)


def indices(part: TrainingSet, label: int | None = None) -> set[int]:
    return {int(i) for i in (part.x if label is None else part.x[part.y == label])[:, 0]}


def genuine(part: TrainingSet, label: int | None = None) -> set[int]:
    return {i for i in indices(part, label) if i < POISON}


def poison(part: TrainingSet) -> set[int]:
    return {i for i in indices(part) if i >= POISON}


@dataclass
class Fitted:
    """On what each detector was fitted, what it was asked about and what it rejected, in the order of the labels."""

    trusted: list[Tensor] = field(default_factory=list)
    asked: list[Tensor] = field(default_factory=list)
    rejected: list[Tensor] = field(default_factory=list)
