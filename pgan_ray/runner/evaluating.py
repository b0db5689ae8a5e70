"""Stage 2's work: batches of victims, and the rows that come of them."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch

from pgan_ray.attacks import PoisonSet, PoisonSource, make_attack
from pgan_ray.data import Dataset, TaskData
from pgan_ray.evaluation import CellResult, ComponentFailure, component, expect
from pgan_ray.results import Store, read_poison, redact, table_of
from pgan_ray.runner.cut import Batch
from pgan_ray.runner.machine import device_name
from pgan_ray.runner.timeline import Span, this_actor
from pgan_ray.runner.worker import Engine, Tasks, prepare
from pgan_ray.spec import Cell, Configuration, EvaluationSpec, Settings, SweepRecord

Row = dict[str, Any]


@dataclass(frozen=True)
class Stage2:
    """What all evaluators share."""

    record: SweepRecord
    store: Store
    engine: Engine = field(default_factory=Engine)


@dataclass(frozen=True)
class Evaluated:
    """What came of a batch: its rows, who worked on them when, and lines that people should read."""

    rows: list[Row]
    actor: str
    span: Span
    notices: tuple[str, ...] = ()


class Evaluator:
    """Trains and scores batches of victims."""

    def __init__(self, stage: Stage2, datasets: dict[str, Dataset], *, gpu: bool | None = None) -> None:
        """``datasets`` may be read-only, and shared with others. ``gpu``: as `prepare` takes it."""
        self._stage, self._tasks = stage, Tasks(datasets)
        self._configurations = {c.id: c for c in stage.record.sweep.configurations}
        self._resources, self._gpu = stage.record.sweep.resources, gpu
        self._clean = _CleanVictims()

    def evaluate(self, batch: Batch) -> Evaluated:
        """The rows of ``batch``. Raises `DeviceError` where a GPU was granted that cannot be used."""
        # Here and not in the beginning: a batch may go well on another node.
        self._device = prepare(self._resources.evaluator, self._resources, gpu=self._gpu)
        start, used = time.time(), time.process_time()
        notices: list[str] = []
        rows = self._rows(batch, notices.append)
        span = Span(f"victims {batch.id}", start, time.time(), time.process_time() - used)
        return Evaluated(rows, this_actor(), span, tuple(notices))

    def _rows(self, batch: Batch, told: Callable[[str], None]) -> list[Row]:
        record = self._stage.record
        settings = self._configurations[batch.configuration].settings
        task = self._tasks.of(settings)
        try:
            _parameters(settings)
            attack = self._attack(batch, settings, task)
        except ComponentFailure as failure:
            results = [CellResult(cell, "failed", message=str(failure)) for cell in batch.cells]
        else:
            # On a GPU a victim's bits depend on its stack: there every configuration trains its own.
            known = self._clean.of(batch, settings) if self._device.type == "cpu" else {}
            left = [cell for cell in batch.cells if cell.id not in known]
            trained: list[CellResult] = []
            if left:
                trained = self._stage.engine.evaluate(
                    left,
                    batch.variant.evaluation,
                    task,
                    attack,
                    seed=settings.seed,
                    device=self._device,
                    precision=settings.precision,
                    attack_name=settings.attack.name,
                    told=told,
                )
            self._clean.keep(batch, settings, trained)
            by_id = known | {result.cell.id: result for result in trained}
            results = [by_id[cell.id] for cell in batch.cells]
        device = device_name(self._device)
        rows = [row_of(record.id, settings, batch.variant.evaluation, result, device) for result in results]
        table_of(rows)  # what is wrong with them costs this batch; in the driver it would cost the sweep
        return rows

    def _attack(self, batch: Batch, settings: Settings, task: TaskData) -> PoisonSource:
        if not settings.attack.is_trained:
            with component("attack", settings.attack.name):
                return make_attack(settings.attack).fit(task)
        poison = torch.from_numpy(read_poison(self._stage.store, batch.configuration, batch.replicate))
        # Stored is the largest of the variants' sets.
        return PoisonSet(poison[: batch.variant.evaluation.poison_set_size])


class _CleanVictims:
    """Victims without poison, which do not depend on the attack: those of one configuration serve for others."""

    def __init__(self) -> None:
        self._results: dict[tuple[str, int, int], CellResult] = {}

    def of(self, batch: Batch, settings: Settings) -> dict[str, CellResult]:
        """What is known of the ``batch``'s cells, by their ids; no time is spent on it again."""
        names = self._names(batch.cells, batch, settings)
        found = [(cell, self._results.get(name)) for name, cell in names.items()]
        return {cell.id: replace(result, cell=cell, seconds=0.0) for cell, result in found if result is not None}

    def keep(self, batch: Batch, settings: Settings, results: Sequence[CellResult]) -> None:
        """Keep those of ``results`` that are complete, and of clean victims."""
        complete = {result.cell.id: result for result in results if result.outcome == "complete"}
        names = self._names([result.cell for result in complete.values()], batch, settings)
        self._results |= {name: complete[cell.id] for name, cell in names.items()}

    def _names(self, cells: Sequence[Cell], batch: Batch, settings: Settings) -> dict[tuple[str, int, int], Cell]:
        """The clean ones of ``cells`` by everything that they depend on."""
        clean = [cell for cell in cells if cell.poison_fraction == 0]
        if not clean:
            return {}
        of = settings.without_poison(batch.variant.evaluation)
        return {(of, cell.replicate, cell.run): cell for cell in clean}


def rows_without_scores(record: SweepRecord, configuration: Configuration, batch: Batch) -> list[Row]:
    """The rows of a ``batch`` whose generator diverged, and has no poison to give."""
    evaluation = batch.variant.evaluation
    return [row_of(record.id, configuration.settings, evaluation, CellResult(cell, "diverged")) for cell in batch.cells]


def _parameters(settings: Settings) -> dict[str, float]:
    """The numbers of the attack. Raises `ComponentFailure`."""
    name = settings.attack.name
    with component("attack", name):
        found = make_attack(settings.attack).parameters()
    fits = isinstance(found, Mapping) and all(isinstance(key, str) and _is_number(v) for key, v in found.items())
    expect(fits, "attack", name, f"`parameters` must give finite numbers by name, got {str(found)[:200]}")
    return {key: float(value) for key, value in found.items()}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def row_of(
    sweep_id: str, settings: Settings, evaluation: EvaluationSpec, result: CellResult, device: str | None = None
) -> Row:
    """The row of one cell's ``result``. ``device``: what it was computed on, in words."""
    cell: Cell = result.cell
    try:
        parameters = _parameters(settings)
    except ComponentFailure:
        parameters = {}  # the cells failed of it, or have no score anyway
    percentile = getattr(evaluation.detector, "percentile", None)
    scores = result.scores
    return {
        "sweep_id": sweep_id,
        "cell_id": cell.id,
        "configuration": cell.configuration,
        "replicate": cell.replicate,
        "variant": cell.variant,
        "attack": settings.attack.name,
        "dataset": settings.dataset.known_as,
        "attack_parameters": parameters,
        "poison_fraction": cell.poison_fraction,
        "run": cell.run,
        "victim": evaluation.victim.name,
        "detector": evaluation.detector.name,
        "percentile": percentile if _is_number(percentile) else None,
        "defence": evaluation.defence_name,
        "train_size": result.train_size,
        "test_error": scores and scores.test_error,
        "false_positive_rate": scores and scores.false_positive_rate,
        "false_negative_rate": scores and scores.false_negative_rate,
        **asdict(result.detection),
        **asdict(result.sanitation),
        "confusion": None if result.confusion is None else result.confusion.tolist(),
        "boundary": result.boundary,
        "outcome": result.outcome,
        "message": redact(result.message) if result.message else None,
        "seconds": result.seconds,
        "device": device,
    }
