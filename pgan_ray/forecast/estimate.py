"""How long a sweep will take: its real trials and batches, at some pace, on what some cluster offers."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from pgan_ray.cost import DEVICES, PointsOf
from pgan_ray.forecast.pace import Pace, Stack
from pgan_ray.forecast.schedule import Forecast, Job, schedule
from pgan_ray.runner import Offer, StageOffer
from pgan_ray.runner.asked import asked_resources
from pgan_ray.runner.cut import Stage2Cut, trials
from pgan_ray.runner.machine import fitting, memory_for_actors, spread, trial_limit
from pgan_ray.runner.progress import clock
from pgan_ray.spec import Configuration, EvaluationSpec, Sweep

if TYPE_CHECKING:
    from pgan_ray.data import Dataset

MOST_CELLS = 200_000  # beyond, cutting them into batches takes longer than anybody waits for a sweep's start
SOON_S = 0.5
NODE_BYTES = 4 * 2**30  # of main memory for each actor, where a cluster cannot be asked


@dataclass(frozen=True)
class Plan:
    """A sweep, cut as its driver will cut it. ``members``: networks per actor of stage 1 and of stage 2.

    ``clean_once``: one configuration's victims without poison serve for others, as on an evaluator that is no GPU.
    """

    sweep: Sweep
    members: tuple[int, int]
    points_of: PointsOf
    clean_once: bool = True

    @cached_property
    def _work(self) -> tuple[list[tuple[Stack, list[Stack]]], list[Stack], list[Stack]]:
        """Trials and the batches that follow each; batches of attacks that train nothing; all that are different."""
        known: dict[object, Stack] = {}
        trained: set[tuple[str, int, int]] = set()
        cut = Stage2Cut(self.sweep, self.members[1])

        def stack(
            key: str, of: Configuration, members: int, evaluation: EvaluationSpec | None = None, fraction: float = 0.0
        ) -> Stack:
            settings = of.settings
            if (key, members, fraction) not in known:
                points = self.points_of(settings.dataset, settings.task)
                known[key, members, fraction] = Stack(settings, points, members, evaluation, fraction)
            return known[key, members, fraction]

        def batches(of: Configuration, replicate: int) -> Iterator[Stack]:
            for batch in cut.batches(of, replicate):
                evaluation, fractions = batch.variant.evaluation, [cell.poison_fraction for cell in batch.cells]
                if self.clean_once and 0 in fractions:
                    shared = of.settings.without_poison(evaluation)
                    clean = {(shared, replicate, cell.run) for cell in batch.cells if not cell.poison_fraction}
                    fractions = [fraction for fraction in fractions if fraction] + [0.0] * len(clean - trained)
                    trained.update(clean)
                if fractions:
                    yield stack(f"{of.id}/{batch.variant.id}", of, len(fractions), evaluation, max(fractions))

        configurations = {c.id: c for c in self.sweep.configurations}
        others = [c for c in configurations.values() if not c.settings.attack.is_trained]
        ready = [b for c in others for r in range(c.settings.attack.replicates) for b in batches(c, r)]
        trials_ = [
            (stack(of.id, of, len(trial.replicates)), [b for r in trial.replicates for b in batches(of, r)])
            for trial in trials(self.sweep, self.members[0])
            for of in (configurations[trial.configuration],)
        ]
        return trials_, ready, list(known.values())

    @property
    def stacks(self) -> list[Stack]:
        """One of each kind and size."""
        return self._work[2]

    def forecast(self, pace: Pace, offer: Offer) -> Forecast:
        """How long it takes with actors of this ``pace``. Raises `SpecError` where the ``offer`` lacks room."""
        trained, ready, every = self._work
        total, evaluator = offer.total, offer.evaluator.request

        def limit(asked: Mapping[str, float]) -> int:
            return trial_limit(fitting(total, asked), total, asked, evaluator, local=offer.cores is not None)

        request = spread(offer.trial.request, len(trained), total.get("GPU", 0.0), limit)
        if request != offer.trial.request:
            offer = replace(offer, trial=replace(offer.trial, request=request))
            # What else uses the fullest of them are evaluators, which are not foreseen here.
            pace = replace(pace, parts=(1 / -(-len(trained) // int(total["GPU"])), pace.parts[1]))
        seconds = {stack: pace.seconds(stack) for stack in every}
        jobs = [Job(seconds[trial], [seconds[batch] for batch in batches]) for trial, batches in trained]
        at_once = [seconds[batch] for batch in ready]
        return schedule(jobs, at_once, offer, pace.start_s)


def offer_of(sweep: Sweep, name: str, *, cpus: float, gpus: float = 0.0, is_local: bool = False) -> Offer:
    """What a cluster offers: one that is joined, as one large node, or Ray as it is started on this machine alone."""
    resources = asked_resources(sweep)
    total = {"CPU": cpus, "GPU": gpus} if gpus else {"CPU": cpus}
    asks = [
        {"CPU": stage.cpu, "GPU": stage.gpu} if gpus and stage.gpu else {"CPU": stage.cpu}
        for stage in (resources.trial, resources.evaluator)
    ]
    slots = [fitting(total, ask) for ask in asks]
    if is_local:
        slots, total = [max(1, number) for number in slots], {"CPU": cpus + math.ceil(resources.evaluator.cpu)}
    most = trial_limit(slots[0], total, *asks, local=is_local)
    slots[1] = max(1, slots[1])
    memory = memory_for_actors() // slots[1] if is_local else NODE_BYTES
    trial, evaluator = (StageOffer(ask, number, memory) for ask, number in zip(asks, slots, strict=True))
    return Offer(name, total, trial, evaluator, most, int(cpus) if is_local else None)


def estimate_line(sweep: Sweep, members: tuple[int, int], datasets: "dict[str, Dataset]", here: Offer) -> str:
    """What a sweep that starts ``here`` will take, in one line and within a second."""
    if sweep.cells > MOST_CELLS:
        return f"no estimate for {sweep.cells:,} cells, which would take too long here; run `pgan-ray plan`"
    plan = Plan(sweep, members, points_at_hand(sweep, datasets), clean_once=not here.evaluator.on_gpu)
    pace, how = _pace_of(plan, here)
    if pace is None:
        known = "|".join(sorted(name for name, device in DEVICES.items() if device.is_gpu))
        return f"no estimate: {how}; `pgan-ray plan FILE --device {known}` estimates with assumed speeds"
    expected = plan.forecast(pace, here)
    less = (
        "; less, because trials are stopped early" if sweep.search is not None and sweep.search.spec.stops_early else ""
    )
    doubt = f"; {pace.doubt}" if pace.doubt else ""
    return f"estimate: {clock(expected.seconds)}, generators by {clock(expected.stage1_s)} ({how}{less}){doubt}"


def _pace_of(plan: Plan, here: Offer) -> tuple[Pace | None, str]:
    """A pace, and in words where it comes from."""
    from pgan_ray.forecast.measure import chosen, measure

    if here.trial.on_gpu or here.evaluator.on_gpu:
        kinds = [name for name in here.gpu_kinds if name in DEVICES]
        if not kinds:
            if not here.total.get("GPU"):
                return None, "no GPU has joined yet, so their kind is not known"
            return None, f"GPUs of an unknown kind ({', '.join(here.gpu_kinds) or 'Ray does not say'})"
        resources = asked_resources(plan.sweep)
        pace = Pace(DEVICES[kinds[0]], (resources.trial.gpu, resources.evaluator.gpu))
        return pace, f"with assumed speeds of {kinds[0]}, not measured"
    actors = max(1, min(here.trial.slots, here.evaluator.slots))
    pace = measure(chosen(plan.stacks, most=2), actors=actors, budget_s=SOON_S)
    return pace, "rough, from half a second of runs on this machine; `pgan-ray plan` measures for longer"


def points_at_hand(sweep: Sweep, datasets: "dict[str, Dataset]") -> PointsOf:
    """The sizes of all data sets of ``sweep``."""
    from pgan_ray.datasets.load import points_of_data

    sizes = {
        c.settings.dataset.model_dump_json(): points_of_data(datasets[c.settings.dataset_key])
        for c in {c.settings.dataset_key: c for c in sweep.configurations}.values()
    }
    return lambda dataset, task: sizes[dataset.model_dump_json()]
