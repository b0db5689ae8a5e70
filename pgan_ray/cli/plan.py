"""``pgan-ray plan``."""

import json
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from pgan_ray.cli import options
from pgan_ray.cli.say import say
from pgan_ray.cost import DEVICES, Points, count, known_points
from pgan_ray.cost.sweep import generators_bytes, poison_set_size, victims_bytes
from pgan_ray.errors import SpecError
from pgan_ray.spec import (
    BODY,
    PAPER,
    DatasetConfig,
    Sweep,
    TaskSpec,
    load_sweep,
    profile_names,
    sweep_text,
)
from pgan_ray.spec.base import few
from pgan_ray.text import bytes_text

if TYPE_CHECKING:
    from pgan_ray.forecast import Pace, Plan
    from pgan_ray.runner import Offer

AMPLE = 1e9
BUDGET_S = 4.0
MOSTLY = 0.9
STARTING = "the command's own start-up (imports, Ray, MLflow: about 10 s, more on a cold file cache) comes on top"


def _numbers(context: click.Context, parameter: click.Parameter, given: str | None) -> tuple[int, ...]:
    parts = [] if given is None else given.split(",")
    if not all(part.strip().isdecimal() and int(part) for part in parts):
        raise click.BadParameter(f"must be whole numbers greater than 0, separated by commas, got {given}")
    return tuple(map(int, parts))


_sizes = partial(click.option, metavar="NUMBERS", callback=_numbers)


@click.command()
@options.sweep_file
@click.option("--profile", "profiles", multiple=True, help="May be repeated. Default: quick, and paper or else body.")
@options.overriding
@click.option(
    "--device",
    type=click.Choice(sorted(DEVICES)),
    help="Use assumed speeds of this device. Default: measure this machine.",
)
@_sizes("--gpus", help="With a GPU as --device: cluster sizes in GPUs. Default: 1,4,16.")
@_sizes("--cpus", help="Without a GPU: cluster sizes in cores, in addition to this machine.")
@click.option(
    "--price-per-hour",
    type=options.Price(),
    help="Price of one GPU and its host; without a GPU, of one core.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def plan(
    file: str,
    profiles: tuple[str, ...],
    overrides: tuple[str, ...],
    device: str | None,
    gpus: tuple[int, ...],
    cpus: tuple[int, ...],
    price_per_hour: float | None,
    as_json: bool,
) -> None:
    """Count the work of the sweep FILE, and estimate its time and cost on clusters of several sizes.

    FILE: a path, or the name of a shipped sweep (`pgan-ray sweeps` lists them).

    Example: pgan-ray plan mnist_alpha --profile paper --device h100 --gpus 1,4,16 --price-per-hour 3
    """
    on_gpu = device is not None and DEVICES[device].is_gpu
    if gpus and not on_gpu:
        raise click.UsageError("--gpus must go with a --device that is a GPU; for cluster sizes in cores, use --cpus")
    if cpus and on_gpu:
        raise click.UsageError(
            f"--cpus must go with a --device that is not a GPU, got {device}; for cluster sizes in GPUs, use --gpus"
        )
    source = sweep_text(file)  # once: it may be a pipe
    names = profiles or [name for name in ("quick", PAPER, BODY) if name in profile_names(source)]
    sweeps = [load_sweep(source, profile=name, overrides=overrides) for name in names]
    if on_gpu:
        assert device is not None  # on_gpu says so
        found = _on_gpus(sweeps, f"{file}:", device, gpus or (1, 4, 16))
    else:
        found = _on_cores(sweeps, f"{file}:", device, cpus)
    report = [_report(plan, pace, offers, price_per_hour) for plan, pace, offers in found]
    if as_json:
        say(json.dumps(report, indent=1))
    else:
        _show(report, _assumptions(found[0][1], device), price_per_hour)


def _on_gpus(
    sweeps: list[Sweep], origin: str, device: str, gpus: tuple[int, ...]
) -> "list[tuple[Plan, Pace, list[Offer]]]":
    from pgan_ray.forecast import Pace, Plan, offer_of
    from pgan_ray.runner.asked import asked_resources
    from pgan_ray.runner.limits import check_room, room_of
    from pgan_ray.runner.members import members

    found: list[tuple[Plan, Pace, list[Offer]]] = []
    for sweep in sweeps:
        asked = asked_resources(sweep)
        pace = Pace(DEVICES[device], (asked.trial.gpu, asked.evaluator.gpu))
        for number in gpus:
            offer = offer_of(sweep, f"{number} x {device}", cpus=AMPLE, gpus=number)
            room = room_of(sweep, [offer.total], DEVICES[device].memory_bytes, has_gpu=True)
            check_room(sweep, _points, room, origin)
            # More slots, smaller stacks: each size of the cluster has a cut of its own.
            cut = members(sweep, _points, offer)
            found.append((Plan(sweep, cut, _points, not offer.evaluator.on_gpu), pace, [offer]))
    return found


def _on_cores(
    sweeps: list[Sweep], origin: str, device: str | None, cpus: tuple[int, ...]
) -> "list[tuple[Plan, Pace, list[Offer]]]":
    from pgan_ray.forecast import Pace, Plan, offer_of
    from pgan_ray.forecast.measure import chosen, measure
    from pgan_ray.runner.limits import Room, check_room, room_of
    from pgan_ray.runner.machine import available_cores, faults_here, memory_for_actors
    from pgan_ray.runner.members import members

    faults = [fault for sweep in sweeps for fault in faults_here(sweep.resources)]
    if faults and not cpus:
        raise SpecError(list(dict.fromkeys(faults)))
    cores, found = available_cores(), []
    node = {"CPU": cores, "memory": memory_for_actors()}
    for sweep in sweeps:
        check_room(sweep, _points, Room() if cpus else room_of(sweep, [node], 0, has_gpu=False), origin)
        here = offer_of(sweep, f"this machine, {cores} cores", cpus=cores, is_local=True)
        offers = [*([] if faults else [here]), *(offer_of(sweep, f"{n} cores", cpus=n) for n in cpus)]
        found.append((Plan(sweep, members(sweep, _points, here), _points), here, offers))
    pace = Pace()
    if device is None:
        actors = min(min(here.trial.slots, here.evaluator.slots) for _, here, _ in found)
        budget_s = BUDGET_S * len(found)
        say(f"measuring this machine for about {budget_s:.0f} s, as if {actors} actors were busy ...", err=True)
        # Of each profile its own: the stacks of one are not to crowd out another's.
        pace = measure([s for plan, _, _ in found for s in chosen(plan.stacks)], actors=actors, budget_s=budget_s)
    return [(plan, pace, offers) for plan, _, offers in found]


def _points(dataset: DatasetConfig, task: TaskSpec) -> Points:
    """Sizes as known, else of the data itself."""
    points = known_points(dataset) or _counted(dataset)
    absent = sorted(set(task.classes) - set(points.train))
    if absent:
        labels = few(sorted(points.train))
        raise SpecError([f"task.classes: must be labels of {dataset.known_as}, {labels}, got {absent}"])
    return points


_COUNTED: dict[str, Points] = {}


def _counted(dataset: DatasetConfig) -> Points:
    """Of each data set once: it may be large."""
    from pgan_ray.datasets.load import load_dataset, points_of_data

    key = dataset.model_dump_json()
    if key not in _COUNTED:
        _COUNTED[key] = points_of_data(load_dataset(dataset, seed=0))
    return _COUNTED[key]


def _report(plan: "Plan", pace: "Pace", offers: "list[Offer]", price_per_hour: float | None) -> dict[str, Any]:
    sweep = plan.sweep
    clusters = []
    for offer in offers:
        expected = plan.forecast(pace, offer)
        units = offer.total.get("GPU") or offer.cores or offer.total["CPU"]
        price = None if price_per_hour is None else expected.seconds / 3600 * units * price_per_hour
        clusters.append({"cluster": offer.name, **asdict(expected), "price": price})
    trial_bytes, batch_bytes = _bytes_of_actors(plan)
    return {
        "sweep": sweep.name,
        "profile": sweep.profile,
        **asdict(count(sweep, plan.points_of, clean_once=plan.clean_once)),
        "members_per_actor": {"trial": plan.members[0], "evaluator": plan.members[1]},
        "trial_bytes": trial_bytes,
        "batch_bytes": batch_bytes,
        "clusters": clusters,
        "share_of_cores": pace.share,
    }


def _bytes_of_actors(plan: "Plan") -> tuple[int, int]:
    """Of the largest trial and batch, with the data that they are trained on."""
    trials, batches = [0], []
    for configuration in plan.sweep.configurations:
        settings, task = configuration.settings, configuration.settings.task
        points = plan.points_of(settings.dataset, task)
        if settings.attack.is_trained:
            poison = poison_set_size(configuration)
            stack = generators_bytes(settings.attack, task, points.features, plan.members[0], poison)
            trials.append(stack + 4 * points.features * points.train_points(task.surrogate))
        for evaluation in (variant.evaluation for variant in configuration.variants):
            most = min(plan.members[1], len(evaluation.poison_fractions) * evaluation.runs)
            stack = victims_bytes(evaluation, task, points.features, most)
            batches.append(stack + 4 * points.features * points.train_points(task))
    return max(trials), max(batches)


def _assumptions(pace: "Pace", device: str | None) -> list[str]:
    if device is None:
        notes = [
            f"measured here, as if {pace.actors} actors were busy: {pace.gemm_rate / 1e9:.0f} GFLOP/s of matrix "
            f"products on a core; assumed: an actor starts in {pace.start_s:g} s"
        ]
        if pace.share is not None and pace.share < MOSTLY:
            notes.append(
                f"other processes took {1 - pace.share:.0%} of the core meanwhile; the times assume that they are gone"
            )
        if pace.doubt:
            notes.append(pace.doubt)
        return notes
    assumed = DEVICES[device]
    peaks = ", ".join(f"{precision} {rate / 1e12:g}" for precision, rate in assumed.peak.items())
    return [
        f"assumed for {device}: {assumed.share:.0%} of its published peaks (TFLOP/s: {peaks}) and of its memory's "
        f"{assumed.memory_rate / 1e9:g} GB/s; {assumed.launch_s * 1e6:g} µs to launch a kernel; "
        f"{pace.start_s:g} s until an actor works; detectors and scikit-learn at {assumed.host_rate / 1e9:g} GFLOP/s "
        "on a core. Only the h200 was measured, with single stacks."
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
        f"  memory of an actor: {bytes_text(one['trial_bytes'])} ({stacks['trial']} generators), "
        f"{bytes_text(one['batch_bytes'])} ({stacks['evaluator']} victims), libraries not counted\n"
        f"  stored: {bytes_text(one['stored_bytes'])}; MLflow points: {one['mlflow_points']:,}"
    )


def _flop(amount: float) -> str:
    for name, size in (("EFLOP", 1e18), ("PFLOP", 1e15), ("TFLOP", 1e12)):
        if amount >= size:
            return f"{amount / size:.3g} {name}"
    return f"{amount / 1e9:.3g} GFLOP"
