"""The pipeline of defences between the detectors and the victim. Shapes: N points, F features, K classes."""

from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from pgan_ray.data import TaskData
from pgan_ray.defences import (
    Defence,
    Detector,
    RobustTrainer,
    Sanitised,
    Sanitiser,
    Suspects,
)
from pgan_ray.errors import ContractError
from pgan_ray.evaluation.failures import component, described, expect
from pgan_ray.evaluation.training_set import TrainingSet
from pgan_ray.spec import Cell, DefenceConfig, EvaluationSpec
from pgan_ray.spec.seeds import numpy_generator, torch_seed
from pgan_ray.victims import Reading


@dataclass(frozen=True)
class Sanitation:
    """What the defences after the detectors did, as shares of the points that there were before the detectors.

    A point that is relabelled and then dropped is dropped. None where there were no such points, or no defence.
    """

    dropped_genuine: float | None = None
    dropped_poison: float | None = None
    relabelled_genuine: float | None = None
    relabelled_poison: float | None = None


def defended(
    training: TrainingSet,
    spec: EvaluationSpec,
    task: TaskData,
    cell: Cell,
    seed: int,
    device: torch.device,
    precision: str = "float32",
) -> tuple[TrainingSet, Sanitation]:
    """``training`` after each of the defences of ``spec`` in turn, and what these did to it.

    Streams depend on replicate, run and the place in the pipeline alone. Raises `ComponentFailure`.
    """
    if not spec.defence:
        return training, Sanitation()
    x, y, left = training.x, training.y.clone(), torch.arange(len(training.x))
    for index, config in enumerate(spec.defence):
        if not len(left):
            break
        names = ("evaluation", cell.replicate, cell.run, "defence", index)
        ask = partial(_ask, spec, task, torch_seed(seed, *names, "victim-init"), device, precision)
        # Copies: a component may change what it is given.
        suspects = Suspects(x[left], y[left], tuple(part.clone() for part in training.trusted), ask)
        with component("defence", config.name):
            found = _apply(config, suspects, seed, names)
        _check(found, len(left), len(task.classes), config.name)
        y[left] = found.y
        left = left[found.kept]
    kept = torch.zeros(len(x), dtype=torch.bool)
    kept[left] = True
    done = _sanitation(training, kept, y)
    return replace(training, x=x[left], y=y[left], is_poison=training.is_poison[left]), done


def _apply(config: DefenceConfig, suspects: Suspects, seed: int, names: tuple[int | str, ...]) -> Sanitised:
    stage: Defence = config.make()
    if isinstance(stage, Detector):
        return _filtered(stage, suspects, seed, names)
    if isinstance(stage, Sanitiser):
        return stage.sanitise(suspects, numpy_generator(seed, *names))
    if isinstance(stage, RobustTrainer):
        labels = suspects.y.clone()
        return Sanitised(stage.settle(suspects, numpy_generator(seed, *names)), labels)
    raise TypeError("a defence must be a Detector, a Sanitiser or a RobustTrainer")


def _filtered(detector: Detector, suspects: Suspects, seed: int, names: tuple[int | str, ...]) -> Sanitised:
    """Each class by a detector of its own, as the detectors before the pipeline."""
    kept = torch.ones(len(suspects.x), dtype=torch.bool)
    for label, trusted in enumerate(suspects.trusted):
        rows = (suspects.y == label).nonzero().squeeze(1)
        others = [*suspects.trusted[:label], *suspects.trusted[label + 1 :]]
        fitted = detector.fit_among(trusted, others, numpy_generator(seed, *names, label))
        rejected = fitted.reject(suspects.x[rows])
        fits = isinstance(rejected, Tensor) and rejected.shape == (len(rows),) and rejected.dtype == torch.bool
        if not fits:
            raise ContractError(f"`reject` must give {len(rows)} booleans, got {described(rejected)}")
        kept[rows] = ~rejected
    return Sanitised(kept, suspects.y)


def _ask(
    spec: EvaluationSpec,
    task: TaskData,
    seed: int,
    device: torch.device,
    precision: str,
    x: Tensor,
    y: Tensor,
    points: Tensor,
) -> Reading:
    """What a victim that is trained on ``x`` and ``y`` makes of ``points``. Raises `ComponentFailure`."""
    name, classes = spec.victim.name, len(task.classes)
    with component("victim", name):
        reading: Reading = spec.victim.make().read(
            x.clone(),
            y.clone(),
            points.clone(),
            classes=classes,
            image_shape=task.image_shape,
            seed=seed,
            device=device,
            precision=precision,
        )
    read, known = reading.log_probabilities, reading.representation
    rule = f"`read` must give {len(points)} x {classes} numbers"
    expect(read.shape == (len(points), classes) and not bool(read.isnan().any()), "victim", name, rule)
    rule = f"`read` must give a row of finite numbers for each of {len(points)} points"
    expect(known.ndim == 2 and len(known) == len(points) and bool(known.isfinite().all()), "victim", name, rule)
    return reading


def _check(found: object, points: int, classes: int, name: str) -> None:
    expect(isinstance(found, Sanitised), "defence", name, f"it must give a `Sanitised`, got {described(found)}")
    assert isinstance(found, Sanitised)  # expected above
    kept, y = found.kept, found.y
    fits = isinstance(kept, Tensor) and kept.shape == (points,) and kept.dtype == torch.bool
    expect(fits, "defence", name, f"it must keep or drop {points} points by booleans, got {described(kept)}")
    fits = isinstance(y, Tensor) and y.shape == (points,) and y.dtype == torch.int64
    fits = fits and (not points or 0 <= int(y.min()) <= int(y.max()) < classes)
    expect(fits, "defence", name, f"it must give {points} labels below {classes} (int64), got {described(y)}")


def _sanitation(training: TrainingSet, kept: Tensor, y: Tensor) -> Sanitation:
    changed = kept & (y != training.y)
    shares: list[float | None] = []
    for flags in (~kept, changed):
        for members, before in zip((~training.is_poison, training.is_poison), training.before, strict=True):
            shares.append(int((flags & members).sum()) / before if before else None)
    return Sanitation(*shares)
