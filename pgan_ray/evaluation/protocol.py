"""Stage 2's protocol: for every cell a split, poison, filters, a victim, and its scores on clean test points."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pgan_ray.attacks import PoisonSource
from pgan_ray.data import TaskData
from pgan_ray.evaluation.training_set import TrainingSet, poisoned_training_set
from pgan_ray.spec import Cell, EvaluationSpec
from pgan_ray.spec.seeds import torch_seed
from pgan_ray.victims import Boundary, Judged, judge_victims
from pgan_ray.victims.engines.scoring import Scores, score


@dataclass(frozen=True)
class CellResult:
    """What came of one cell.

    ``outcome``: complete; diverged; or failed, where the detectors left nothing to train on. ``scores`` and
    ``confusion`` (K, K), true label by row, are None unless a victim was trained and is complete. ``seconds`` is the
    cell's share of its stack's time.
    """

    cell: Cell
    outcome: str
    train_size: int = 0
    rejected_genuine: float | None = None
    rejected_poison: float | None = None
    scores: Scores | None = None
    confusion: Tensor | None = None
    boundary: Boundary | None = None
    seconds: float = 0.0


def evaluate_cells(
    cells: Sequence[Cell],
    spec: EvaluationSpec,
    task: TaskData,
    attack: PoisonSource,
    *,
    seed: int,
    device: torch.device,
    precision: str = "float32",
) -> list[CellResult]:
    """Train and score one victim for each of ``cells``, which share a replicate and a variant, as one stack.

    ``attack`` is the replicate's. With the victim ``none`` the training sets alone are measured.
    """
    start = time.monotonic()
    sets = [poisoned_training_set(spec, task, attack, cell, seed) for cell in cells]
    judged: dict[str, Judged] = {}
    taught = [(cell, s) for cell, s in zip(cells, sets, strict=True) if len(s.x)]
    if spec.victim.trains and taught:
        victims = judge_victims(
            spec.victim,
            [(s.x, s.y) for _, s in taught],
            task.test_x,
            task.test_y,
            classes=len(task.classes),
            image_shape=task.image_shape,
            seeds=[torch_seed(seed, "evaluation", c.replicate, c.run, "victim-init") for c, _ in taught],
            stack_seed=torch_seed(seed, "evaluation", "stack", *(c.id for c, _ in taught)),
            device=device,
            precision=precision,
        )
        judged = {cell.id: victim for (cell, _), victim in zip(taught, victims, strict=True)}
    seconds = (time.monotonic() - start) / len(cells)
    return [_result(cell, s, judged.get(cell.id), spec, task, seconds) for cell, s in zip(cells, sets, strict=True)]


def _result(
    cell: Cell, training: TrainingSet, victim: Judged | None, spec: EvaluationSpec, task: TaskData, seconds: float
) -> CellResult:
    if not spec.victim.trains:
        outcome = "complete"
    elif victim is None:
        outcome = "failed"
    else:
        outcome = "complete" if victim.confusion is not None else "diverged"
    matrix = victim.confusion if victim else None
    return CellResult(
        cell,
        outcome,
        len(training.x),
        training.rejected_genuine,
        training.rejected_poison,
        None if matrix is None else score(matrix, poison_label=task.poison_label, source_label=task.source_label),
        matrix,
        victim.boundary if victim else None,
        seconds,
    )
