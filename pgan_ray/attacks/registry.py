"""The attack of a name, and whether the data is enough for it."""

import torch
from torch import Tensor

from pgan_ray.attacks.genuine import NearestLabelFlip, TakenPoints
from pgan_ray.attacks.interface import Attack
from pgan_ray.attacks.poison_set import PoisonSet
from pgan_ray.data import TaskData
from pgan_ray.errors import DataError
from pgan_ray.spec import AttackSpec, EvaluationSpec


def fit_attack(spec: AttackSpec, task: TaskData, generated: Tensor | None = None) -> Attack:
    """The attack that ``spec`` names, fitted to ``task``, that of the victims.

    ``generated`` (P, F): what a generator of ours left, for an attack that is trained.
    """
    if spec.is_trained:
        if generated is None:
            raise ValueError(f"the attack {spec.name} must be given the poison that its generator made")
        return PoisonSet(generated)
    if spec.name == "nearest_label_flip":
        return NearestLabelFlip(task)
    return TakenPoints(task, _taken_label(spec, task))


def check_attack(spec: AttackSpec, evaluation: EvaluationSpec, task: TaskData) -> None:
    """See, before anything starts, that ``spec`` can be carried out on the victims' ``task``. Raises `DataError`."""
    if spec.is_trained:
        return
    label = _taken_label(spec, task)
    poison = evaluation.poison_points(max(evaluation.poison_fractions), len(task.classes))
    needed = evaluation.trusted_per_class + evaluation.train_per_class + poison
    available = int(torch.count_nonzero(task.train_y == label))
    if available < needed:
        raise DataError(
            f"class {task.classes[label]} must have {needed} training points ({evaluation.trusted_per_class} trusted + "
            f"{evaluation.train_per_class} to train victims + {poison} that {spec.name} takes), got {available}; lower "
            "`evaluation.trusted_per_class`, `evaluation.train_per_class` or the largest of "
            "`evaluation.poison_fractions`"
        )


def check_lambda(spec: AttackSpec, surrogate: TaskData) -> None:
    """See that lambda is a share of C's loss on the task that pGAN is trained on. Raises `DataError`."""
    if not spec.is_trained:
        return
    _, lambda_prior = spec.weights
    if lambda_prior * surrogate.poison_prior > 1:
        raise DataError(
            f"`attack.lambda_prior` must be at most {1 / surrogate.poison_prior:g}, so that lambda = lambda_prior * "
            f"Pr(poison class) is at most 1, got {lambda_prior:g}"
        )


def _taken_label(spec: AttackSpec, task: TaskData) -> int:
    return task.poison_label if spec.name == "none" else task.source_label
