"""``pgan-ray plan``."""

import json
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any

import click

from pgan_ray.cli import options
from pgan_ray.cli.say import say
from pgan_ray.cost import (
    DEVICES,
    DevicePace,
    Pace,
    Points,
    Room,
    Shape,
    check_room,
    kept_size,
    known_points,
    stack_of_generators,
    stack_of_victims,
)
from pgan_ray.errors import SpecError
from pgan_ray.spec import (
    BODY,
    PAPER,
    Configuration,
    DatasetSpec,
    Sweep,
    TaskSpec,
    load_sweep,
    profile_names,
    sweep_text,
)

if TYPE_CHECKING:
    from pgan_ray.forecast.estimate import Plan

GIB = 2**30
START_S = 10.0  # of an actor on a machine that we cannot ask: process, imports, CUDA
BUDGET_S = 6.0
MOSTLY = 0.95
STARTING = "the command's own start-up (imports, Ray, MLflow: about 10 s, more on a cold file cache) comes on top"


class _Numbers(click.ParamType):  # type: ignore[type-arg]  # no type of ours
    """``1,4,16``."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(int(part) for part in value.split(","))
        except ValueError:
            numbers = (0,)
        if min(numbers) < 1:
            self.fail(f"must be whole numbers over 0 with commas between, got {value}", param, ctx)
        return numbers


@click.command()
@options.sweep_file
@click.option("--profile", "profiles", multiple=True, help="May be given often. Default: quick, and paper or the body.")
@click.option("--set", "overrides", multiple=True, metavar="A.B=VALUE", help="Override a field; VALUE is YAML.")
@click.option(
    "--device",
    type=click.Choice(sorted(DEVICES)),
    help="Reckon with assumed rates of this device. Default: measure this machine.",
)
@click.option("--gpus", type=_Numbers(), help="With a GPU as device: clusters of so many. Default: 1,4,16.")
@click.option("--cpus", type=_Numbers(), help="Without: clusters of so many cores, beside this machine.")
@click.option("--price-per-hour", type=options.Price(), help="Of one GPU and what it comes with; without, a core.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def plan(
    file: str,
    profiles: tuple[str, ...],
    overrides: tuple[str, ...],
    device: str | None,
    gpus: tuple[int, ...] | None,
    cpus: tuple[int, ...] | None,
    price_per_hour: float | None,
    as_json: bool,
) -> None:
    """Count the work of the sweep FILE, and say how long it takes and what it costs on clusters of some sizes.

    FILE: a path, or the name of a shipped sweep (`pgan-ray sweeps` lists them).

    Example: pgan-ray plan mnist_alpha --profile paper --device h100 --gpus 1,4,16 --price-per-hour 3
    """
    on_gpu = device is not None and DEVICES[device].is_gpu
    if gpus and not on_gpu:
        raise click.UsageError("--gpus must come with --device and the name of a GPU")
    if cpus and on_gpu:
        raise click.UsageError(f"--cpus must come without a GPU, got --device {device}")
    source = sweep_text(file)  # once: it may be a pipe
    names = profiles or [name for name in ("quick", PAPER, BODY) if name in profile_names(source)]
    sweeps = [load_sweep(source, profile=name, overrides=overrides) for name in names]
    if on_gpu:
        assert device is not None  # on_gpu says so
        found = _on_gpus(sweeps, f"{file}:", device, gpus or (1, 4, 16))
    else:
        found = _on_cores(sweeps, f"{file}:", device, cpus or ())
    report = [_report(plan, pace, shapes, price_per_hour) for plan, pace, shapes in found]
    if as_json:
        say(json.dumps(report, indent=1))
    else:
        _show(report, _assumptions(found[0][1], device), price_per_hour)


def _on_gpus(
    sweeps: list[Sweep], origin: str, device: str, gpus: tuple[int, ...]
) -> "list[tuple[Plan, Pace, list[Shape]]]":
    from pgan_ray.forecast.estimate import AMPLE, Plan, cluster_shape
    from pgan_ray.runner.limits import room_of
    from pgan_ray.runner.members import members

    found: list[tuple[Plan, Pace, list[Shape]]] = []
    for sweep in sweeps:
        resources = sweep.resources
        shapes = [cluster_shape(sweep, f"{n} x {device}", cpus=AMPLE, gpus=n, start_s=START_S) for n in gpus]
        uses = (resources.trial.gpu > 0, resources.evaluator.gpu > 0)
        for shape in shapes:
            room = room_of(sweep, [shape.total], DEVICES[device].memory_bytes, has_gpu=True)
            check_room(sweep, _points, room, origin)
            # More slots, smaller stacks: each size of the cluster has a cut of its own.
            stacks = members(sweep, _points, on_gpu=uses, memory=(4 * GIB, 4 * GIB), slots=shape.evaluators)
            pace = DevicePace(DEVICES[device], resources.trial.gpu, resources.evaluator.gpu)
            found.append((Plan(sweep, stacks, _points), pace, [shape]))
    return found


def _on_cores(
    sweeps: list[Sweep], origin: str, device: str | None, cpus: tuple[int, ...]
) -> "list[tuple[Plan, Pace, list[Shape]]]":
    from pgan_ray.bench.kept import keep_pace
    from pgan_ray.bench.pace import chosen_shapes, measure_pace
    from pgan_ray.forecast.estimate import Plan, cluster_shape, local_shape
    from pgan_ray.runner.limits import room_of
    from pgan_ray.runner.machine import available_cores, faults_here, memory_for_actors
    from pgan_ray.runner.members import members

    faults = [fault for sweep in sweeps for fault in faults_here(sweep.resources)]
    if faults and not cpus:
        raise SpecError(list(dict.fromkeys(faults)))
    cores = available_cores()
    plans = []
    for sweep in sweeps:
        node = {"CPU": cores, "memory": memory_for_actors()}
        check_room(sweep, _points, Room() if cpus else room_of(sweep, [node], 0, has_gpu=False), origin)
        slots = local_shape(sweep, cores, 0.0).evaluators
        memory = memory_for_actors() // slots
        stacks = members(sweep, _points, on_gpu=(False, False), memory=(memory, memory), slots=slots)
        plans.append(Plan(sweep, stacks, _points))
    pace: Pace
    if device is None:
        slots = min(_actors(sweep, cores) for sweep in sweeps)
        budget_s = BUDGET_S * len(plans)
        say(f"measuring this machine for about {budget_s + 5:.0f} s, {slots} actors at once ...", err=True)
        # Of each profile its own: the shapes of one are not to crowd out another's.
        shapes = [shape for plan in plans for shape in chosen_shapes(plan.shapes())]
        measured = measure_pace(shapes, processes=slots, budget_s=budget_s)
        keep_pace(measured)
        pace, start_s = measured, measured.start_s
    else:
        pace, start_s = DevicePace(DEVICES[device]), START_S
    return [
        (
            plan,
            pace,
            [
                *([] if faults else [local_shape(plan.sweep, cores, start_s)]),
                *(cluster_shape(plan.sweep, f"{n} cores", cpus=n, gpus=0, start_s=start_s) for n in cpus),
            ],
        )
        for plan in plans
    ]


def _actors(sweep: Sweep, cores: int) -> int:
    """So many of either stage find a core each."""
    return max(1, int(cores / max(sweep.resources.trial.cpu, sweep.resources.evaluator.cpu) + 1e-9))


def _points(dataset: DatasetSpec, task: TaskSpec) -> Points:
    """Sizes as known, else of a user's own data."""
    known = known_points(dataset)
    if known is not None:
        absent = sorted(set(task.classes) - set(known.train))
        if absent:
            raise SpecError([f"task.classes: must be labels of {dataset.label}, {sorted(known.train)}, got {absent}"])
        return known
    return _own_points(dataset)


@cache
def _own_points(dataset: DatasetSpec) -> Points:
    from pgan_ray.data import load_dataset
    from pgan_ray.forecast import points_of_data

    return points_of_data(load_dataset(dataset, seed=0))


def _report(plan: "Plan", pace: Pace, shapes: list[Shape], price_per_hour: float | None) -> dict[str, Any]:
    cost, sweep = plan.cost, plan.sweep
    clusters = []
    for shape in shapes:
        expected = plan.forecast(pace, shape)
        units = shape.total.get("GPU") or shape.cores or shape.total["CPU"]
        price = None if price_per_hour is None else expected.seconds / 3600 * units * price_per_hour
        clusters.append({"cluster": shape.name, **asdict(expected), "price": price})
    trained = [c for c in sweep.configurations if c.settings.attack.is_trained]
    return {
        "sweep": sweep.name,
        "profile": sweep.profile,
        **asdict(cost),
        "members_per_actor": {"trial": plan.stacks[0], "evaluator": plan.stacks[1]},
        "trial_bytes": max((_trial_bytes(plan, configuration) for configuration in trained), default=0),
        "batch_bytes": max(_batch_bytes(plan, configuration) for configuration in sweep.configurations),
        "clusters": clusters,
        "share_of_cores": getattr(pace, "share", None),
    }


def _trial_bytes(plan: "Plan", configuration: Configuration) -> int:
    settings = configuration.settings
    points, task = plan.points_of(settings.dataset, settings.task), settings.task.surrogate
    poison = max(variant.evaluation.poison_set_size for variant in configuration.variants)
    stack = stack_of_generators(settings.attack, points.features, len(task.classes), plan.stacks[0], poison)
    return stack + 4 * points.features * points.train_points(task)


def _batch_bytes(plan: "Plan", configuration: Configuration) -> int:
    settings = configuration.settings
    points, classes = plan.points_of(settings.dataset, settings.task), len(settings.task.classes)
    stacks = []
    for variant in configuration.variants:
        evaluation = variant.evaluation
        kept = kept_size(evaluation, classes, max(evaluation.poison_fractions))
        members = min(plan.stacks[1], len(evaluation.poison_fractions) * evaluation.runs)
        stacks.append(stack_of_victims(evaluation, points.features, classes, members, kept))
    return max(stacks) + 4 * points.features * points.train_points(settings.task)


def _assumptions(pace: Pace, device: str | None) -> list[str]:
    if device is None:
        from pgan_ray.bench.pace import MeasuredPace

        assert isinstance(pace, MeasuredPace)
        notes = [
            f"measured here: {pace.processes} processes at once, each {pace.gemm_rate / 1e9:.0f} GFLOP/s of matrix "
            f"products; an actor starts in {pace.start_s:.1f} s"
        ]
        if pace.share < MOSTLY:
            notes.append(f"others took {1 - pace.share:.0%} of the cores meanwhile; the times are those without them")
        return notes
    assumed = DEVICES[device]
    peaks = ", ".join(f"{precision} {rate / 1e12:g}" for precision, rate in assumed.peak.items())
    return [
        f"assumed of {device}: {assumed.share:.0%} of its published peaks (TFLOP/s: {peaks}) and of its memory's "
        f"{assumed.memory_rate / 1e9:g} GB/s; {assumed.launch_s * 1e6:g} µs a kernel; "
        f"{START_S:g} s until an actor works; detectors and scikit-learn at {assumed.host_rate / 1e9:g} GFLOP/s on a "
        "core. Nothing of it was measured."
    ]


def _show(report: list[dict[str, Any]], notes: list[str], price_per_hour: float | None) -> None:
    from rich.table import Table

    from pgan_ray.cli.table import show
    from pgan_ray.runner.progress import clock

    seen: set[str] = set()
    table = Table(title="time of the stages" + ("" if price_per_hour is None else ", and price"))
    for column in ("profile", "cluster", "generators", "whole sweep", "all busy", "price"):
        if column != "price" or price_per_hour is not None:
            table.add_column(column, justify="left" if column in ("profile", "cluster") else "right")
    for one in report:
        if one["profile"] not in seen:
            seen.add(one["profile"])
            say(_counts(one))
        for cluster in one["clusters"]:
            cells = [one["profile"], cluster["cluster"], clock(cluster["stage1_s"]), clock(cluster["seconds"])]
            cells.append(f"{cluster['busy']:.0%}")
            table.add_row(*cells, *([] if price_per_hour is None else [f"{cluster['price']:,.2f}"]))
    show(table)
    for note in [*notes, STARTING]:
        say(note)


def _counts(one: dict[str, Any]) -> str:
    work = one["stage1"]["flop"], one["stage2"]["flop"]
    stacks = one["members_per_actor"]
    return (
        f"{one['sweep']}, profile {one['profile']}: {one['configurations']} configurations, "
        f"{one['generators']} generators, {one['cells']} cells\n"
        f"  products: {_flop(work[0])} for generators, {_flop(work[1])} for victims\n"
        f"  memory of an actor: {_bytes(one['trial_bytes'])} ({stacks['trial']} generators), "
        f"{_bytes(one['batch_bytes'])} ({stacks['evaluator']} victims), libraries not counted\n"
        f"  stored: {_bytes(one['stored_bytes'])}; MLflow points: {one['mlflow_points']:,}"
    )


def _flop(amount: float) -> str:
    for name, size in (("EFLOP", 1e18), ("PFLOP", 1e15), ("TFLOP", 1e12)):
        if amount >= size:
            return f"{amount / size:.3g} {name}"
    return f"{amount / 1e9:.3g} GFLOP"


def _bytes(amount: float) -> str:
    for name, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if amount >= size:
            return f"{amount / size:.3g} {name}"
    return f"{amount / 1e3:.3g} kB"
