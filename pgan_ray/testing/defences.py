"""The contract of sanitisers and robust trainers."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pgan_ray.defences import Defence, Detector, RobustTrainer, Sanitised, Sanitiser, Suspects
from pgan_ray.registry import DEFENCES, VICTIMS
from pgan_ray.testing.detectors import check_detector
from pgan_ray.testing.points import CPU, contract, found, make_points, must, shown

GENUINE, POISON = 160, 20


@contract
def check_defence(component: Any, **config: Any) -> None:
    """Check that the defence ``component``, a class or a name, with the keys ``config``, does what sweeps rely on.

    For a detector, this is `check_detector`. Raises `AssertionError`, which says what must hold.
    """
    cls = found(DEFENCES, component)
    if issubclass(cls, Detector):
        check_detector(component, **config)
        return
    defence: Defence = cls.Config(**config).make()
    kinds = (Sanitiser, RobustTrainer)
    must(isinstance(defence, kinds), "a defence must be a `Detector`, a `Sanitiser` or a `RobustTrainer`")
    must(
        defence.trainings >= 1 or not defence.asks_victim,
        "`trainings` must be at least 1 for a defence that asks victims",
    )
    for classes in (2, 3):
        _check(defence, classes)
    flop = defence.flop(64, 100, 100)
    must(math.isfinite(flop) and flop >= 0, f"`flop` must be a number of 0 or more, got {flop}")
    must(
        0 < defence.config.kept_fraction <= 1,
        f"`kept_fraction` must be greater than 0 and at most 1, got {defence.config.kept_fraction}",
    )


def _check(defence: Defence, classes: int) -> None:
    suspects, poison = _suspects(defence, classes)
    given = suspects.x, suspects.y, *suspects.trusted
    before = [part.clone() for part in given]
    decided = _decide(defence, suspects)
    again = _decide(defence, suspects)
    same = torch.equal(decided.kept, again.kept) and torch.equal(decided.y, again.y)
    must(same, "the same stream must give the same decision")
    unchanged = all(torch.equal(part, kept) for part, kept in zip(given, before, strict=True))
    must(unchanged, "the points and labels must not be changed")
    harmed = ~decided.kept | (decided.y != suspects.y)
    share = float(harmed[~poison].float().mean())
    must(share <= 0.5, f"most genuine points must be kept as they are, got {share:.0%} dropped or relabelled")
    for few in (1, 3):
        _decide(defence, Suspects(suspects.x[:few], suspects.y[:few], suspects.trusted, suspects.ask))
    alone = suspects.y == 0
    _decide(defence, Suspects(suspects.x[alone], suspects.y[alone], suspects.trusted, suspects.ask))


def _suspects(defence: Defence, classes: int) -> tuple[Suspects, Tensor]:
    """Points of which the last `POISON` are of class 0 and carry the label 1; and which these are."""
    x, y = make_points(classes, GENUINE, seed=5)
    other = (y == 0).nonzero().squeeze(1)[:POISON]
    poison = torch.zeros(len(x) + POISON, dtype=torch.bool)
    poison[len(x) :] = True
    x, y = torch.cat((x, x[other] + 0.01)), torch.cat((y, torch.ones(POISON, dtype=torch.int64)))
    trusted_x, trusted_y = make_points(classes, 60, seed=6)
    victim = VICTIMS.config("logistic")(optimizer={"name": "adam", "learning_rate": 0.05}, epochs=5).make()

    def ask(own: Tensor, labels: Tensor, points: Tensor) -> Any:
        must(defence.asks_victim, "`asks_victim` must be true for a defence that asks victims")
        return victim.read(own, labels, points, classes=classes, image_shape=None, seed=3, device=CPU)

    return Suspects(x, y, tuple(trusted_x[trusted_y == label] for label in range(classes)), ask), poison


def _decide(defence: Defence, suspects: Suspects) -> Sanitised:
    points, random = len(suspects.x), np.random.default_rng(1)
    if isinstance(defence, Sanitiser):
        decided = defence.sanitise(suspects, random)
        must(isinstance(decided, Sanitised), f"`sanitise` must give a `Sanitised`, got {shown(decided)}")
    else:
        assert isinstance(defence, RobustTrainer)  # as was checked
        decided = Sanitised(defence.settle(suspects, random), suspects.y.clone())
    kept, y = decided.kept, decided.y
    fits = isinstance(kept, Tensor) and kept.shape == (points,) and kept.dtype == torch.bool
    must(fits, f"`kept` must be {points} booleans, got {shown(kept)}")
    fits = isinstance(y, Tensor) and y.shape == (points,) and y.dtype == torch.int64
    must(fits, f"`y` must be {points} labels (int64), got {shown(y)}")
    must(bool(((y >= 0) & (y < suspects.classes)).all()), f"labels must be from 0 to {suspects.classes - 1}")
    return decided
