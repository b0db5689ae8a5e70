"""A probe: what a generator would do if its training ended here, by one victim of each variant."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from pgan_ray.attacks import PoisonSet
from pgan_ray.data import TaskData
from pgan_ray.evaluation import CellResult
from pgan_ray.runner.evaluating import Row, row_of
from pgan_ray.runner.machine import device_name
from pgan_ray.runner.worker import Engine
from pgan_ray.spec import Configuration, SweepRecord, Variant


@dataclass(frozen=True)
class Prober:
    """Probes the generators of one ``configuration``, a search's trial, on its validation points."""

    record: SweepRecord
    configuration: Configuration
    task: TaskData
    engine: Engine
    device: torch.device
    told: Callable[[str], None]

    def rows(self, replicates: Sequence[int], poison: torch.Tensor) -> list[Row]:
        """The rows of the first run of each replicate, by its ``poison`` (R, P, F).

        Its splits and streams are those of the trial's own evaluation: beside the same rows of the controls, their luck
        cancels. A generator whose poison is not finite has diverged.
        """
        found: list[Row] = []
        device = device_name(self.device)
        for replicate, points in zip(replicates, poison, strict=True):
            for variant in self.configuration.variants:
                evaluation = variant.evaluation
                for result in self._results(replicate, variant, points):
                    found.append(row_of(self.record.id, self.configuration.settings, evaluation, result, device))
        return found

    def _results(self, replicate: int, variant: Variant, points: torch.Tensor) -> list[CellResult]:
        settings = self.configuration.settings
        cells = [one for one in self.configuration.cells(replicate) if one.variant == variant.id and one.run == 0]
        if not bool(points.isfinite().all()):
            return [CellResult(cell, "diverged") for cell in cells]
        return self.engine.evaluate(
            cells,
            variant.evaluation,
            self.task,
            PoisonSet(points[: variant.evaluation.poison_set_size]),
            seed=settings.seed,
            device=self.device,
            precision=settings.precision,
            attack_name=settings.attack.name,
            told=self.told,
        )
