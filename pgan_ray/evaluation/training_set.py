"""The victim's training set: split, poisoned, filtered (Section 4)."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pgan_ray.attacks import NoPoison, PoisonSource
from pgan_ray.data import TaskData, draw_split
from pgan_ray.defences import FittedScore, fit_detector
from pgan_ray.evaluation.failures import component, described, expect
from pgan_ray.spec import Cell, EvaluationSpec
from pgan_ray.spec.seeds import numpy_generator


@dataclass(frozen=True)
class Detection:
    """What the detectors made of a training set; shares of points, None where there were none of them.

    ``rejected_genuine_both``, ``rejected_poison_both``: the shares that the same detectors would reject if they looked
    at both tails of their scores. ``detector_auc``: how well the poison class's detector tells poison from genuine
    points by its score, whatever the threshold: the area under its ROC curve, 0.5 where it is blind to them and below
    where poison looks the more ordinary. These are None for detectors without a score.
    ``poison_variance``: of the poison, over all features, as a share of the genuine points' of its class.
    """

    rejected_genuine: float | None = None
    rejected_poison: float | None = None
    rejected_genuine_both: float | None = None
    rejected_poison_both: float | None = None
    detector_auc: float | None = None
    poison_variance: float | None = None


@dataclass(frozen=True)
class TrainingSet:
    """What is left after the detectors. Shapes: N points kept, T trusted points of a class, F features.

    ``is_poison`` (N,): which of the points are; ``trusted``: of each class (T, F), what its detector was fitted on.
    ``before``: genuine and poisoning points before the detectors.
    """

    x: Tensor
    y: Tensor
    detection: Detection
    is_poison: Tensor
    trusted: tuple[Tensor, ...]
    before: tuple[int, int]


def poisoned_training_set(
    spec: EvaluationSpec, task: TaskData, attack: PoisonSource, cell: Cell, seed: int, attack_name: str = ""
) -> TrainingSet:
    """The training set of one cell.

    Of each class, disjoint draws for its detector and for training. The ``attack``'s poison takes the place of genuine
    points of the poison class, so that class sizes stay, or comes on top of them; the control `removal` leaves their
    place empty. Every point then passes its label's detector. Splits depend on replicate and run alone: the cells of
    one run differ in their poison only, and a larger poison fraction keeps the poison of a smaller one. Raises
    `ComponentFailure`.
    """
    names = ("evaluation", cell.replicate, cell.run)
    split = draw_split(
        task.train_y.numpy(),
        len(task.classes),
        trusted_per_class=spec.trusted_per_class,
        train_per_class=spec.train_per_class,
        rng=numpy_generator(seed, *names, "split"),
    )
    poison_count = spec.poison_count(cell.poison_fraction, len(task.classes))
    used = np.concatenate([*split.trusted, *split.train])
    name = attack_name or type(attack).__name__
    with component("attack", name):
        poison = attack.sample(poison_count, numpy_generator(seed, *names, "poison"), used)
    _check_poison(poison, 0 if isinstance(attack, NoPoison) else poison_count, task, name)

    kept_x: list[Tensor] = []
    kept_y: list[Tensor] = []
    judged: list[_Judged] = []
    flags: list[Tensor] = []
    auc: float | None = None
    trusted = [task.train_x[torch.from_numpy(rows)] for rows in split.trusted]
    for label in range(len(task.classes)):
        is_poisoned = label == task.poison_label
        genuine = task.train_x[torch.from_numpy(split.train[label])]
        if is_poisoned and spec.placement == "replace":
            genuine = genuine[: len(genuine) - poison_count]
        points = torch.cat((genuine, poison)) if is_poisoned else genuine
        with component("detector", spec.detector.name):
            detector = fit_detector(
                spec.detector,
                trusted[label],
                numpy_generator(seed, *names, "detector", label),
                [*trusted[:label], *trusted[label + 1 :]],
            )
            both: Tensor | None = None
            if isinstance(detector, FittedScore):
                scores = detector.scores(points)
                rejected, both = detector.outside(scores), detector.outside(scores, both_tails=True)
                auc = _auc(scores[: len(genuine)], scores[len(genuine) :]) if is_poisoned else auc
            else:
                rejected = detector.reject(points)
        _check_rejected(rejected, len(points), spec.detector.name)
        kept_x.append(points[~rejected])
        kept_y.append(torch.full((len(kept_x[-1]),), label))
        judged.append(_Judged(len(genuine), rejected, both))
        flags.append((torch.arange(len(points)) >= len(genuine))[~rejected])
    detection = Detection(
        **_shares(judged),
        detector_auc=auc,
        poison_variance=_variance(poison, task.train_x[torch.from_numpy(split.train[task.poison_label])]),
    )
    before = sum(one.genuine for one in judged), len(poison)
    return TrainingSet(torch.cat(kept_x), torch.cat(kept_y), detection, torch.cat(flags), tuple(trusted), before)


@dataclass(frozen=True)
class _Judged:
    """The points of one class, ``genuine`` ones first: whom its detector rejects, by one tail or by both."""

    genuine: int
    rejected: Tensor
    both: Tensor | None


def _shares(judged: list[_Judged]) -> dict[str, float | None]:
    """Of genuine and of poisoning points that are rejected, and that would be by both tails."""
    found: dict[str, float | None] = {}
    for ending, flags in (("", [one.rejected for one in judged]), ("_both", [one.both for one in judged])):
        known = [flag for flag in flags if flag is not None]
        if len(known) == len(judged):
            parts = [(flag[: one.genuine], flag[one.genuine :]) for flag, one in zip(known, judged, strict=True)]
            for name, some in zip(("rejected_genuine", "rejected_poison"), zip(*parts, strict=True), strict=True):
                every = torch.cat(some)
                found[name + ending] = int(every.sum()) / len(every) if len(every) else None
    return found


def _auc(genuine: Tensor, poison: Tensor) -> float | None:
    """The share of pairs in which the poison scores higher than the genuine point, ties counting half."""
    if not len(genuine) or not len(poison):
        return None
    genuine, poison = (scores.where(~scores.isnan(), math.inf) for scores in (genuine, poison))
    ordered = genuine.sort().values
    below, upto = (torch.searchsorted(ordered, poison, right=right) for right in (False, True))
    return float((below + upto).sum()) / (2 * len(genuine) * len(poison))


def _variance(poison: Tensor, genuine: Tensor) -> float | None:
    if len(poison) < 2 or len(genuine) < 2:
        return None
    of_genuine = float(genuine.double().var(0).sum())
    return float(poison.double().var(0).sum()) / of_genuine if of_genuine else None


def _check_poison(poison: object, points: int, task: TaskData, name: str) -> None:
    rule = f"`sample` must give {points} x {task.features} finite numbers (float32)"
    is_tensor = isinstance(poison, Tensor) and poison.shape == (points, task.features)
    expect(is_tensor, "attack", name, f"{rule}, got {described(poison)}")
    assert isinstance(poison, Tensor)  # expected above
    expect(poison.dtype == torch.float32, "attack", name, f"{rule}, got {poison.dtype}")
    expect(bool(poison.isfinite().all()), "attack", name, f"{rule}, got some that are not finite")


def _check_rejected(rejected: object, points: int, name: str) -> None:
    fits = isinstance(rejected, Tensor) and rejected.shape == (points,) and rejected.dtype == torch.bool
    expect(fits, "detector", name, f"`reject` must give {points} booleans, got {described(rejected)}")
