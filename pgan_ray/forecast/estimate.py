"""How long a sweep will take: its real trials and batches, at some pace, on some cluster."""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pgan_ray.cost import DEVICES, DevicePace, Forecast, Job, Pace, Points, Shape, SweepCost, count, forecast
from pgan_ray.spec import Configuration, DatasetSpec, Sweep, TaskSpec

if TYPE_CHECKING:
    from pgan_ray.bench.shapes import BatchShape, TrialShape
    from pgan_ray.data import Dataset
    from pgan_ray.runner import Offer
    from pgan_ray.runner.cut import Batch, Stage2Cut

PointsOf = Callable[[DatasetSpec, TaskSpec], Points]
MOST_CELLS = 200_000  # beyond, putting every batch into a schedule takes longer than anybody waits for an estimate
AMPLE = 1e9
SOON_S = 0.5
LOCAL_START_S, REMOTE_START_S = 4.0, 10.0  # until a new actor works, where it was not measured
CROWDED = 1.2  # times as long an actor takes beside busy ones, where they were measured alone


@dataclass(frozen=True)
class Plan:
    """A sweep, cut as its driver will cut it. ``stacks``: networks per actor of stage 1 and of stage 2."""

    sweep: Sweep
    stacks: tuple[int, int]
    points_of: PointsOf

    @property
    def cost(self) -> SweepCost:
        """Its work, counted."""
        return count(self.sweep, self.points_of)

    def shapes(self) -> "list[TrialShape | BatchShape]":
        """Shapes of its trials and batches; of batches of one kind the largest and the smallest."""
        from pgan_ray.bench.shapes import BatchShape, TrialShape
        from pgan_ray.runner.cut import Stage2Cut

        cut = Stage2Cut(self.sweep, self.stacks[1])
        found: dict[object, TrialShape | BatchShape] = {}
        for configuration in self.sweep.configurations:
            settings, points = configuration.settings, self._points(configuration)
            if settings.attack.is_trained:
                trial = TrialShape(settings, points, min(self.stacks[0], settings.attack.replicates))
                found.setdefault(trial.key, trial)
            by_variant: dict[str, list[Batch]] = {}
            for batch in cut.batches(configuration, 0):
                by_variant.setdefault(batch.variant.id, []).append(batch)
            for own in by_variant.values():
                for batch in (own[0], own[-1]):
                    fraction = max(cell.poison_fraction for cell in batch.cells)
                    shape = BatchShape(settings, batch.variant.evaluation, points, len(batch.cells), fraction)
                    found.setdefault(shape.key, shape)
        return list(found.values())

    def forecast(self, pace: Pace, shape: Shape) -> Forecast:
        """How long it takes with actors of this ``pace`` on a cluster of this ``shape``.

        Raises `SpecError` where the cluster has no room for an actor.
        """
        trials, batches = self._jobs(pace)
        if self.sweep.cells > MOST_CELLS:
            return _spread(trials, batches, shape)
        return forecast(trials, batches, shape)

    def _jobs(self, pace: Pace) -> tuple[list[Job], list[float]]:
        from pgan_ray.runner.cut import Stage2Cut, trials

        cut = Stage2Cut(self.sweep, self.stacks[1])
        configurations = {c.id: c for c in self.sweep.configurations}
        known: dict[object, float] = {}
        jobs, ready = [], []
        for trial in trials(self.sweep, self.stacks[0]):
            configuration = configurations[trial.configuration]
            key = (trial.configuration, len(trial.replicates))
            if key not in known:
                points = self._points(configuration)
                known[key] = pace.trial_s(configuration.settings, points, len(trial.replicates))
            following = [s for r in trial.replicates for s in self._batches(cut, configuration, r, pace, known)]
            jobs.append(Job(known[key], tuple(following)))
        for configuration in self.sweep.configurations:
            if not configuration.settings.attack.is_trained:
                replicates = range(configuration.settings.attack.replicates)
                ready += [s for r in replicates for s in self._batches(cut, configuration, r, pace, known)]
        return jobs, ready

    def _batches(
        self, cut: "Stage2Cut", configuration: Configuration, replicate: int, pace: Pace, known: dict[object, float]
    ) -> Iterator[float]:
        for batch in cut.batches(configuration, replicate):
            fraction = max(cell.poison_fraction for cell in batch.cells)
            key = (configuration.id, batch.variant.id, len(batch.cells), fraction)
            if key not in known:
                known[key] = pace.batch_s(
                    configuration.settings,
                    batch.variant.evaluation,
                    self._points(configuration),
                    len(batch.cells),
                    fraction,
                )
            yield known[key]

    def _points(self, configuration: Configuration) -> Points:
        return self.points_of(configuration.settings.dataset, configuration.settings.task)


def _spread(trials: list[Job], batches: list[float], shape: Shape) -> Forecast:
    """Of so many jobs that they fill all slots evenly."""
    slots = min(shape.evaluators, shape.cores or shape.evaluators)
    stage1 = sum(job.seconds for job in trials)
    stage2 = sum(batches) + sum(sum(job.batches) for job in trials)
    return Forecast((stage1 + stage2) / slots, stage1 / slots, 1.0)


def local_shape(sweep: Sweep, cores: int, start_s: float) -> Shape:
    """A machine of its own, as Ray is started on it."""
    from pgan_ray.runner.machine import trial_limit

    resources = sweep.resources
    trial, evaluator = {"CPU": resources.trial.cpu}, {"CPU": resources.evaluator.cpu}
    total = {"CPU": float(cores + math.ceil(resources.evaluator.cpu))}
    slots = [max(1, int(cores / asks["CPU"] + 1e-9)) for asks in (trial, evaluator)]
    most = trial_limit(slots[0], total, trial, evaluator, local=True)
    return Shape(f"this machine, {cores} cores", total, trial, evaluator, most, slots[1], cores, start_s)


def cluster_shape(sweep: Sweep, name: str, *, cpus: float, gpus: float, start_s: float) -> Shape:
    """A cluster that is joined, as one large node; with GPUs it has cores enough beside them."""
    from pgan_ray.runner.machine import trial_limit

    total = {"CPU": cpus, "GPU": gpus} if gpus else {"CPU": cpus}
    trial, evaluator = (
        {"CPU": stage.cpu, "GPU": stage.gpu} if gpus and stage.gpu else {"CPU": stage.cpu}
        for stage in (sweep.resources.trial, sweep.resources.evaluator)
    )
    slots = [min(int(total[name] / amount + 1e-9) for name, amount in asks.items()) for asks in (trial, evaluator)]
    most = trial_limit(slots[0], total, trial, evaluator, local=False)
    return Shape(name, total, trial, evaluator, most, max(1, slots[1]), None, start_s)


def estimate_line(sweep: Sweep, stacks: tuple[int, int], datasets: "dict[str, Dataset]", here: "Offer") -> str:
    """What a sweep that starts ``here`` will take, in one line and within a second."""
    from pgan_ray.runner.progress import clock

    if sweep.cells > MOST_CELLS:
        return f"no estimate of {sweep.cells:,} cells; `pgan-ray plan` takes longer"
    plan = Plan(sweep, stacks, points_at_hand(sweep, datasets))
    pace, start_s, how = _pace_of(plan, here)
    if pace is None:
        known = "|".join(sorted(name for name, device in DEVICES.items() if device.is_gpu))
        return f"no estimate: {how}; `pgan-ray plan FILE --device {known}` reckons with assumed rates"
    shape = Shape(
        here.name,
        dict(here.total),
        dict(here.trial.request),
        dict(here.evaluator.request),
        here.trial_limit,
        here.evaluator.slots,
        here.cores,
        start_s,
    )
    expected = plan.forecast(pace, shape)
    return f"estimate: {clock(expected.seconds)}, generators by {clock(expected.stage1_s)} ({how})"


def _pace_of(plan: Plan, here: "Offer") -> tuple[Pace | None, float, str]:
    """A pace, seconds until an actor works, and in words where they come from."""
    from pgan_ray.bench.kept import kept_pace
    from pgan_ray.bench.pace import measure_here

    if here.trial.on_gpu or here.evaluator.on_gpu:
        seen = here.gpu_kinds
        kinds = [name for name in seen if name in DEVICES]
        if not kinds:
            if not here.total.get("GPU"):
                return None, 0.0, "no GPU has joined yet, so their kind is not known"
            return None, 0.0, f"GPUs of an unknown kind ({', '.join(seen) or 'Ray does not say'})"
        parts = plan.sweep.resources.trial.gpu, plan.sweep.resources.evaluator.gpu
        return DevicePace(DEVICES[kinds[0]], *parts), REMOTE_START_S, f"by assumed rates of {kinds[0]}, not measured"
    shapes = plan.shapes()
    actors = here.trial.slots, here.evaluator.slots
    kept = kept_pace(shapes, processes=min(actors))
    if kept is not None:
        return kept, kept.start_s, "by this machine's pace as `pgan-ray plan` measured it"
    measured = measure_here(shapes, budget_s=SOON_S)
    crowd = CROWDED if min(actors) > 1 else 1.0
    slower = {key: (crowd * loop, crowd * cell) for key, (loop, cell) in measured.seconds.items()}
    rough = replace(measured, seconds=slower, gemm_rate=measured.gemm_rate / crowd)
    return rough, LOCAL_START_S, "rough: this machine's pace by half a second's runs; `pgan-ray plan` takes longer"


def points_at_hand(sweep: Sweep, datasets: "dict[str, Dataset]") -> PointsOf:
    """The sizes of all data sets of ``sweep``."""
    from pgan_ray.runner.worker import dataset_key

    sizes = {
        c.settings.dataset.model_dump_json(): points_of_data(datasets[dataset_key(c.settings)])
        for c in {dataset_key(c.settings): c for c in sweep.configurations}.values()
    }
    return lambda dataset, task: sizes[dataset.model_dump_json()]


def points_of_data(dataset: "Dataset") -> Points:
    """The sizes of data that is at hand."""
    import numpy as np

    counted = [
        dict(zip(*(part.tolist() for part in np.unique(labels, return_counts=True)), strict=True))
        for labels in (dataset.train_labels, dataset.test_labels)
    ]
    labels = set(itertools.chain(*counted))
    train, test = ({label: of.get(label, 0) for label in labels} for of in counted)
    return Points(dataset.train_features.shape[1], train, test)
