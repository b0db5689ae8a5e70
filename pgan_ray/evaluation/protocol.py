"""Stage 2's protocol: for every cell a split, poison, filters, a victim, and its scores on clean test points."""

import gc
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from pgan_ray.attacks import PoisonSource
from pgan_ray.data import TaskData
from pgan_ray.errors import is_out_of_memory
from pgan_ray.evaluation.failures import ComponentFailure, component, described, expect, failed
from pgan_ray.evaluation.pipeline import Sanitation, defended
from pgan_ray.evaluation.training_set import Detection, TrainingSet, poisoned_training_set
from pgan_ray.spec import Cell, EvaluationSpec
from pgan_ray.spec.seeds import torch_seed
from pgan_ray.victims import Boundary, Judged, judge_victims
from pgan_ray.victims.engines.scoring import Scores, score

_Taught = tuple[Cell, TrainingSet]


@dataclass(frozen=True)
class CellResult:
    """What came of one cell.

    ``outcome``: complete; diverged; or failed, where the detectors left nothing to train on, or a component raised an
    error or gave what it must not: ``message`` says which. ``scores`` and ``confusion`` (K, K), true label by row, are
    None unless a victim was trained and is complete. ``seconds`` is the cell's share of its stack's time.
    """

    cell: Cell
    outcome: str
    train_size: int = 0
    detection: Detection = field(default_factory=Detection)
    sanitation: Sanitation = field(default_factory=Sanitation)
    scores: Scores | None = None
    confusion: Tensor | None = None
    boundary: Boundary | None = None
    seconds: float = 0.0
    message: str = ""


def evaluate_cells(
    cells: Sequence[Cell],
    spec: EvaluationSpec,
    task: TaskData,
    attack: PoisonSource,
    *,
    seed: int,
    device: torch.device,
    precision: str = "float32",
    attack_name: str = "",
    told: Callable[[str], None] = lambda line: None,
) -> list[CellResult]:
    """Train and score one victim for each of ``cells``, which share a replicate and a variant; on a GPU as one stack.

    ``attack`` is the replicate's, of the component ``attack_name``. Where no victim is trained the training sets
    alone are measured. Where a stack finds too little memory, its halves are trained instead, and ``told`` says so.
    """
    start = time.monotonic()
    results: dict[str, CellResult] = {}
    sets: list[tuple[Cell, TrainingSet]] = []
    done: dict[str, Sanitation] = {}
    for cell in cells:
        try:
            found = poisoned_training_set(spec, task, attack, cell, seed, attack_name)
            found, done[cell.id] = defended(found, spec, task, cell, seed, device, precision)
            sets.append((cell, found))
        except ComponentFailure as failure:
            results[cell.id] = CellResult(cell, "failed", message=str(failure))
    taught = [(cell, s) for cell, s in sets if len(s.x)]
    judged: dict[str, Judged] = {}
    waiting = _stacks(taught, device) if spec.victim.trains else []
    while waiting:
        stack = waiting.pop(0)
        try:
            victims = _judge(spec, task, stack, seed, device, precision)
        except ComponentFailure as failure:
            victims = [Judged(None, message=str(failure))] * len(stack)
        except RuntimeError as error:
            if len(stack) == 1 or not is_out_of_memory(error):
                raise
            # As a batch that is tried again it would fail again. Half as many take half of it.
            told(f"{len(stack)} victims as one stack: {_first_line(error)}; trained in halves")
            half = len(stack) // 2
            waiting[:0] = [stack[:half], stack[half:]]
            victims = None
        if victims is None:
            _give_memory_back()
            continue
        judged |= {cell.id: victim for (cell, _), victim in zip(stack, victims, strict=True)}
    results |= {cell.id: _result(cell, s, done[cell.id], judged.get(cell.id), spec, task) for cell, s in sets}
    seconds = (time.monotonic() - start) / len(cells)
    return [replace(results[cell.id], seconds=seconds) for cell in cells]


def _give_memory_back() -> None:
    """What a stack that failed has left, once its error and the frames that it holds are gone."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _stacks(taught: Sequence[_Taught], device: torch.device) -> list[Sequence[_Taught]]:
    """On a GPU one stack of all; on a CPU, where that gains nothing, one of each.

    A victim's bits then depend neither on the others of its batch nor on how many these are.
    """
    if device.type == "cpu":
        return [[one] for one in taught]
    return [taught] if taught else []


def _judge(
    spec: EvaluationSpec,
    task: TaskData,
    taught: Sequence[_Taught],
    seed: int,
    device: torch.device,
    precision: str,
) -> list[Judged]:
    """The victims of the cells that have a training set. Raises `ComponentFailure`."""
    name, classes = spec.victim.name, len(task.classes)
    with component("victim", name):
        victims = judge_victims(
            spec.victim,
            [(s.x, s.y) for _, s in taught],
            # Copies: a component may change what it is given, and the next batch is judged on these too.
            task.test_x.clone(),
            task.test_y.clone(),
            classes=classes,
            image_shape=task.image_shape,
            seeds=[torch_seed(seed, "evaluation", c.replicate, c.run, "victim-init") for c, _ in taught],
            stack_seed=torch_seed(seed, "evaluation", "stack", *(c.stream for c, _ in taught)),
            device=device,
            precision=precision,
        )
    are_judged = isinstance(victims, list) and all(isinstance(victim, Judged) for victim in victims)
    expect(are_judged, "victim", name, f"`judge` must give a list of `Judged`, got {str(victims)[:200]}")
    expect(len(victims) == len(taught), "victim", name, f"it must judge {len(taught)} victims, got {len(victims)}")
    of_class = torch.bincount(task.test_y, minlength=classes)
    return [_checked(victim, name, of_class) for victim in victims]


def _checked(victim: Judged, name: str, of_class: Tensor) -> Judged:
    """``victim``, if it is as it must be; of one that could not be trained or judged, why, and nothing else."""
    try:
        expect(isinstance(victim.message, str), "victim", name, "`message` must be a text")
        if victim.message:
            raise failed("victim", name, victim.message)
        _check_confusion(victim.confusion, name, of_class)
        rule = f"`boundary` must be three finite numbers, got {victim.boundary}"
        expect(victim.boundary is None or _is_line(victim.boundary), "victim", name, rule)
    except ComponentFailure as failure:
        return Judged(None, message=str(failure))
    return victim


def _is_line(boundary: object) -> bool:
    if not isinstance(boundary, (tuple, list)) or len(boundary) != 3:
        return False
    return all(isinstance(number, (int, float)) and math.isfinite(number) for number in boundary)


def _check_confusion(confusion: object, name: str, of_class: Tensor) -> None:
    if confusion is None:
        return
    classes = len(of_class)
    rule = f"its confusion matrix must be {classes} x {classes}, with a row for the test points of each class"
    is_matrix = isinstance(confusion, Tensor) and confusion.dtype == torch.int64 and confusion.device == of_class.device
    expect(is_matrix, "victim", name, f"{rule} (int64, on the CPU), got {described(confusion)}")
    assert isinstance(confusion, Tensor)  # expected above
    counts = confusion.shape == (classes, classes) and bool((confusion >= 0).all())
    expect(counts and torch.equal(confusion.sum(1), of_class), "victim", name, f"{rule}, got {confusion.tolist()}")


def _result(
    cell: Cell,
    training: TrainingSet,
    sanitation: Sanitation,
    victim: Judged | None,
    spec: EvaluationSpec,
    task: TaskData,
) -> CellResult:
    message = ""
    if not spec.victim.trains:
        outcome = "complete"
    elif victim is None or victim.message:
        nothing = f"the {'defences' if spec.defence else 'detectors'} left nothing to train on"
        outcome, message = "failed", victim.message if victim else nothing
    else:
        outcome = "complete" if victim.confusion is not None else "diverged"
    matrix = victim.confusion if victim else None
    return CellResult(
        cell,
        outcome,
        len(training.x),
        training.detection,
        sanitation,
        None if matrix is None else score(matrix, poison_label=task.poison_label, source_label=task.source_label),
        matrix,
        victim.boundary if victim else None,
        message=message,
    )
