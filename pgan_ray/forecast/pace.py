"""How fast actors are: by a device's assumed rates, or by these times what runs on this machine take longer.

A component says what it takes; runs of it say how wrong the assumed rates are for it.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

from pgan_ray.cost import CORE, Device, Points, Work, cell_work
from pgan_ray.cost.sweep import CELL_S, generators_bytes, iteration_work, iterations, victims_bytes
from pgan_ray.spec import EvaluationSpec, Settings

# Around each piece of work, on the way through Tune or Ray: reports, files, messages.
TRIAL_S, BATCH_S = 1.0, 0.1
START_S = 10.0  # until an actor works on a machine that we cannot ask: process, imports, CUDA
LOCAL_START_S = 4.0
CLEARLY_SLOWER = 0.95  # times the rate: half a second's runs tell no smaller difference


@dataclass(frozen=True, eq=False)
class Stack:
    """What one actor trains in one go: ``members`` replicates, or with an ``evaluation`` cells of it.

    ``fraction``: the largest poison fraction of the cells.
    """

    settings: Settings
    points: Points
    members: int
    evaluation: EvaluationSpec | None = None
    fraction: float = 0.0

    @property
    def kind(self) -> str:
        """What runs of one kind have in common."""
        settings, of = self.settings, self.evaluation
        names = ", ".join(part.name for part in of.components) if of else settings.attack.name
        return f"{'batch' if of else 'trial'}: {names}, {settings.precision}, {self.threads} threads"

    @property
    def threads(self) -> int:
        """As a worker takes them of its grant."""
        resources = self.settings.resources
        return max(1, int((resources.evaluator if self.evaluation else resources.trial).cpu))

    @property
    def units(self) -> int:
        """Iterations, or epochs; 1 of victims without."""
        if self.evaluation is None:
            return iterations(self.settings, self.points)
        return int(getattr(self.evaluation.victim, "epochs", 1))

    def of_units(self, units: int) -> EvaluationSpec | None:
        """The evaluation with so many epochs."""
        if self.evaluation is None or not hasattr(self.evaluation.victim, "epochs"):
            return self.evaluation
        victim = self.evaluation.victim.model_copy(update={"epochs": units})
        return self.evaluation.model_copy(update={"victim": victim})

    def work(self, units: int) -> Work:
        """So many units of one member."""
        evaluation = self.of_units(units)
        if evaluation is None:
            return iteration_work(self.settings, self.points).times(units)
        return cell_work(evaluation, self.settings.task, self.points, self.fraction)

    def assumed_s(self, device: Device = CORE, part: float = 1.0) -> float:
        """Seconds on a ``part`` of a device, by its rates."""
        work = self.work(self.units).times(self.members, launched_once=True)
        return device.seconds(work, precision=self.settings.precision, part=part)

    @cached_property
    def parts_s(self) -> tuple[float, float]:
        """(of a unit, of all that comes beside its units): one member after the other on one core that does one thing
        at a time. To be compared with each other, and corrected by what was measured.
        """
        one, two = (sum(CORE.limits(w).values()) + w.host_flop / CORE.host_rate for w in map(self.work, (1, 2)))
        unit = two - one if self.units > 1 else 0.0
        return self.members * unit, self.members * (max(0.0, one - unit) + CELL_S if self.evaluation else 0.0)

    @property
    def size(self) -> float:
        """Seconds by which stacks of one kind are told apart."""
        return max(self.parts_s[0] or self.parts_s[1], 1e-9)

    @property
    def bytes(self) -> int:
        """By the model that sizes stacks, without the points of a poison set."""
        task, features = self.settings.task, self.points.features
        if self.evaluation is None:
            return generators_bytes(self.settings.attack, task, features, self.members, 1)
        return victims_bytes(self.evaluation, task, features, self.members)


@dataclass(frozen=True)
class Sample:
    """What was measured of stacks of one ``kind`` and ``size``: a unit's and the rest's times, by those assumed."""

    kind: str
    size: float
    unit: float
    rest: float


@dataclass(frozen=True)
class Pace:
    """Seconds of one actor on its part of a ``device``; a stage without a part works on one core.

    ``samples``: what was measured of it, while all of the machine's ``actors`` are busy. ``gemm_rate``: FLOP/s of
    matrix products in the sweep's precision then, by which what was not measured is reckoned; ``float32_rate``: of
    those in float32. ``share``: of a core that the measurement got; less than all of it where others use the machine
    too.
    """

    device: Device = CORE
    parts: tuple[float, float] = (1.0, 1.0)
    start_s: float = START_S
    samples: tuple[Sample, ...] = ()
    actors: int = 1
    gemm_rate: float = 0.0
    float32_rate: float = 0.0
    share: float | None = None

    @property
    def doubt(self) -> str:
        """What to say of a precision that this processor is slower at than at float32; else empty."""
        ratio = self.gemm_rate / self.float32_rate if self.float32_rate else 1.0
        if ratio > CLEARLY_SLOWER:
            return ""
        return (
            f"this processor multiplies bf16 at {ratio:.2f} times float32's rate: `precision: float32` is faster here"
        )

    @property
    def _core(self) -> Device:
        return replace(CORE, peak=dict.fromkeys(CORE.peak, self.gemm_rate)) if self.gemm_rate else CORE

    def seconds(self, stack: Stack) -> float:
        """In which an actor has done a ``stack``."""
        around, part = (BATCH_S, self.parts[1]) if stack.evaluation else (TRIAL_S, self.parts[0])
        # Between those that were measured of its kind; else, of networks, of its stage.
        stage, is_network = stack.kind.partition(":")[0], stack.parts_s[0] > 0
        samples = [s for s in self.samples if s.kind == stack.kind] or [
            s for s in self.samples if is_network and s.unit and s.kind.startswith(stage)
        ]
        if not samples:
            return around + stack.assumed_s(self.device if part and self.device.is_gpu else self._core, part or 1.0)
        import numpy as np

        sizes, *ratios = zip(*sorted((math.log(s.size), s.unit, s.rest) for s in samples), strict=True)
        unit, rest = (float(np.interp(math.log(stack.size), sizes, of)) for of in ratios)
        return around + stack.units * stack.parts_s[0] * unit + stack.parts_s[1] * rest
