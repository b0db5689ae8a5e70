"""Seconds of a trial and of a batch, by a device's assumed rates; `bench` has the measured counterpart."""

from dataclasses import dataclass
from typing import Protocol

from pgan_ray.cost.devices import DEVICES, Device
from pgan_ray.cost.points import Points
from pgan_ray.cost.sweep import cell_work, generator_work
from pgan_ray.cost.work import Work
from pgan_ray.spec import EvaluationSpec, Settings

# Around each piece of work, on the way through Tune or Ray: reports, files, messages.
TRIAL_S, BATCH_S = 1.0, 0.1


class Pace(Protocol):
    """How fast one actor is."""

    def trial_s(self, settings: Settings, points: Points, members: int) -> float:
        """Seconds in which it trains ``members`` replicates as one stack."""
        ...

    def batch_s(
        self, settings: Settings, evaluation: EvaluationSpec, points: Points, members: int, fraction: float
    ) -> float:
        """Seconds in which it evaluates ``members`` cells, the largest poison fraction being ``fraction``."""
        ...


@dataclass(frozen=True)
class DevicePace:
    """Actors on their parts of a device, by assumption; a stage without a part works on one core."""

    device: Device
    trial_part: float = 1.0
    evaluator_part: float = 1.0

    def trial_s(self, settings: Settings, points: Points, members: int) -> float:
        """As `Pace.trial_s`."""
        work = generator_work(settings, points).times(members, launched_once=True)
        return TRIAL_S + self._seconds(
            work, settings, self.trial_part, members * settings.attack.make().iteration_tiles()
        )

    def batch_s(
        self, settings: Settings, evaluation: EvaluationSpec, points: Points, members: int, fraction: float
    ) -> float:
        """As `Pace.batch_s`."""
        work = cell_work(evaluation, settings.task, points, fraction).times(members, launched_once=True)
        return BATCH_S + self._seconds(work, settings, self.evaluator_part, members * evaluation.victim.make().tiles())

    def _seconds(self, work: Work, settings: Settings, part: float, tiles: int) -> float:
        device = self.device if part else DEVICES["cpu"]
        return device.seconds(work, precision=settings.precision, part=part or 1.0, tiles=tiles)
