"""Stage 2's protocol: for every cell a split, poison, filters, a victim, and its scores on clean test points."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pgan_ray.attacks import Attack
from pgan_ray.data import TaskData
from pgan_ray.evaluation.training_set import poisoned_training_set
from pgan_ray.spec import Cell, EvaluationSpec
from pgan_ray.spec.seeds import torch_seed
from pgan_ray.victims import Boundary, Judged, Scores, judge_victims, score


@dataclass(frozen=True)
class CellResult:
    """What came of one cell.

    ``outcome``: complete, or diverged. ``scores`` and ``confusion`` (K, K), true label by row, are None where the
    victim diverged or where none is trained. ``seconds`` is the cell's share of its stack's time.
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
    attack: Attack,
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
    judged: list[Judged | None] = [None] * len(cells)
    if spec.victim.name != "none":
        judged[:] = judge_victims(
            spec.victim,
            [(s.x, s.y) for s in sets],
            task.test_x,
            task.test_y,
            classes=len(task.classes),
            seeds=[torch_seed(seed, "evaluation", c.replicate, c.run, "victim-init") for c in cells],
            stack_seed=torch_seed(seed, "evaluation", "stack", *(c.id for c in cells)),
            device=device,
            precision=precision,
        )
    seconds = (time.monotonic() - start) / len(cells)
    results = []
    for cell, s, victim in zip(cells, sets, judged, strict=True):
        matrix = None if victim is None else victim.confusion
        results.append(
            CellResult(
                cell,
                "diverged" if victim is not None and matrix is None else "complete",
                len(s.x),
                s.rejected_genuine,
                s.rejected_poison,
                None
                if matrix is None
                else score(matrix, poison_label=task.poison_label, source_label=task.source_label),
                matrix,
                None if victim is None else victim.boundary,
                seconds,
            )
        )
    return results
