"""The victim's training set: split, poisoned, filtered (Section 4)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pgan_ray.attacks import NoPoison, PoisonSource
from pgan_ray.data import TaskData, draw_split
from pgan_ray.defences import fit_detector
from pgan_ray.evaluation.failures import component, described, expect
from pgan_ray.spec import Cell, EvaluationSpec
from pgan_ray.spec.seeds import numpy_generator


@dataclass(frozen=True)
class TrainingSet:
    """What is left after the detectors. Shapes: N points kept, F features.

    ``rejected_genuine`` and ``rejected_poison``: shares, None where there were none of them.
    """

    x: Tensor
    y: Tensor
    rejected_genuine: float | None
    rejected_poison: float | None


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
    genuine_rejected = genuine_total = poison_rejected = 0
    for label in range(len(task.classes)):
        is_poisoned = label == task.poison_label
        genuine = task.train_x[torch.from_numpy(split.train[label])]
        if is_poisoned and spec.placement == "replace":
            genuine = genuine[: len(genuine) - poison_count]
        points = torch.cat((genuine, poison)) if is_poisoned else genuine
        with component("detector", spec.detector.name):
            detector = fit_detector(
                spec.detector,
                task.train_x[torch.from_numpy(split.trusted[label])],
                numpy_generator(seed, *names, "detector", label),
            )
            rejected = detector.reject(points)
        _check_rejected(rejected, len(points), spec.detector.name)
        kept_x.append(points[~rejected])
        kept_y.append(torch.full((len(kept_x[-1]),), label))
        genuine_rejected += int(rejected[: len(genuine)].sum())
        genuine_total += len(genuine)
        poison_rejected += int(rejected[len(genuine) :].sum())
    return TrainingSet(
        torch.cat(kept_x),
        torch.cat(kept_y),
        rejected_genuine=genuine_rejected / genuine_total if genuine_total else None,
        rejected_poison=poison_rejected / len(poison) if len(poison) else None,
    )


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
