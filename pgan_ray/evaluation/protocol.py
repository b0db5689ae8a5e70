"""One stack of cells: training sets, victims, scores."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from pgan_ray.data import TaskData
from pgan_ray.evaluation.training_set import poisoned_training_set
from pgan_ray.spec import Cell, EvaluationSpec
from pgan_ray.spec.seeds import torch_seed
from pgan_ray.victims import Scores, confusion_matrices, score, train_victims


@dataclass(frozen=True)
class CellResult:
    """What came of one cell. ``scores`` is None where the victim diverged.

    ``seconds`` is the cell's share of its stack's time.
    """

    cell: Cell
    train_size: int
    rejected_genuine: float | None
    rejected_poison: float | None
    scores: Scores | None
    seconds: float


def evaluate_cells(
    cells: Sequence[Cell],
    spec: EvaluationSpec,
    task: TaskData,
    poison: Tensor,
    *,
    seed: int,
    device: torch.device,
    precision: str = "float32",
) -> list[CellResult]:
    """Train and score one victim for each of ``cells``, which share a replicate and a variant, as one stack.

    ``poison`` (P, F) is the replicate's poison set.
    """
    start = time.monotonic()
    sets = [poisoned_training_set(spec, task, poison, cell, seed) for cell in cells]
    victims = train_victims(
        spec.victim,
        pad_sequence([s.x for s in sets], batch_first=True),
        pad_sequence([s.y for s in sets], batch_first=True),
        [len(s.x) for s in sets],
        classes=len(task.classes),
        initial_seeds=[torch_seed(seed, "evaluation", c.replicate, c.run, "victim-init") for c in cells],
        stack_seed=torch_seed(seed, "evaluation", "stack", *(c.id for c in cells)),
        device=device,
        precision=precision,
    )
    matrices, judged = confusion_matrices(victims.network, task.test_x, task.test_y, len(task.classes))
    finite = victims.finite & judged
    seconds = (time.monotonic() - start) / len(cells)
    return [
        CellResult(
            cell,
            len(s.x),
            s.rejected_genuine,
            s.rejected_poison,
            score(matrix, poison_label=task.poison_label, source_label=task.source_label) if is_finite else None,
            seconds,
        )
        for cell, s, matrix, is_finite in zip(cells, sets, matrices, finite.tolist(), strict=True)
    ]
