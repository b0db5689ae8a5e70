"""The victim's training set: split, poisoned, filtered (Section 4)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pgan_ray.attacks import PoisonSource
from pgan_ray.data import TaskData, draw_split
from pgan_ray.defences import fit_detector
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
    spec: EvaluationSpec, task: TaskData, attack: PoisonSource, cell: Cell, seed: int
) -> TrainingSet:
    """The training set of one cell.

    Of each class, disjoint draws for its detector and for training. The ``attack``'s poison takes the place of
    genuine points of the poison class, so that class sizes stay, or comes on top of them. Every point then passes
    its label's detector. Splits depend on replicate and run alone: the cells of one run differ in their poison only,
    and a larger poison fraction keeps the poison of a smaller one.
    """
    names = ("evaluation", cell.replicate, cell.run)
    split = draw_split(
        task.train_y.numpy(),
        len(task.classes),
        trusted_per_class=spec.trusted_per_class,
        train_per_class=spec.train_per_class,
        rng=numpy_generator(seed, *names, "split"),
    )
    poison_points = spec.poison_points(cell.poison_fraction, len(task.classes))
    used = np.concatenate([*split.trusted, *split.train])
    poison = attack.sample(poison_points, numpy_generator(seed, *names, "poison"), used)

    kept_x: list[Tensor] = []
    kept_y: list[Tensor] = []
    genuine_rejected = genuine_total = poison_rejected = 0
    for label in range(len(task.classes)):
        is_poisoned = label == task.poison_label
        genuine = task.train_x[torch.from_numpy(split.train[label])]
        if is_poisoned and spec.placement == "replace":
            genuine = genuine[: len(genuine) - poison_points]
        points = torch.cat((genuine, poison)) if is_poisoned else genuine
        detector = fit_detector(
            spec.detector,
            task.train_x[torch.from_numpy(split.trusted[label])],
            numpy_generator(seed, *names, "detector", label),
        )
        rejected = detector.reject(points)
        kept_x.append(points[~rejected])
        kept_y.append(torch.full((len(kept_x[-1]),), label))
        genuine_rejected += int(rejected[: len(genuine)].sum())
        genuine_total += len(genuine)
        poison_rejected += int(rejected[len(genuine) :].sum())
    return TrainingSet(
        torch.cat(kept_x),
        torch.cat(kept_y),
        rejected_genuine=genuine_rejected / genuine_total if genuine_total else None,
        rejected_poison=poison_rejected / poison_points if poison_points else None,
    )
