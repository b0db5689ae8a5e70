"""Running a sweep from its resolved record to the table at the end: what `sweep` and `resume` share."""

import copy
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

import click

from pgan_ray.cli.prepare import facts, load_datasets
from pgan_ray.cli.table import error_table, rates_table, show
from pgan_ray.cli.terminal import clock, make_progress
from pgan_ray.cluster import Outcome, check_fits, connect, run_sweep
from pgan_ray.cluster.connect import Connection
from pgan_ray.cluster.members import trial_members, victim_members
from pgan_ray.data import Dataset, TaskData
from pgan_ray.results import Store, read_rows, summarise
from pgan_ray.spec import SweepRecord
from pgan_ray.tracking import MlflowTracker, redact, tracking_uri

DELIVER_S = 120.0
EXIT_CODES = {"complete": 0, "partial": 1, "interrupted": 130}


class Terminated(KeyboardInterrupt):
    """SIGTERM: the machine wants its place back."""


@dataclass(frozen=True)
class Options:
    """What the command line says beside the sweep itself."""

    data_dir: Path | None
    address: str | None
    tracking_uri: str | None
    as_json: bool
    verbose: bool


def run_record(record: SweepRecord, store: Store, options: Options) -> int:
    """Run what is not finished of ``record`` in ``store``; returns the exit code."""
    check_fits(record.sweep.resources, options.address)
    progress = make_progress()
    datasets, task = load_datasets(record.sweep, options.data_dir, progress.notice)
    MlflowTracker(store, record, tracking_uri=options.tracking_uri).check()
    store.check()
    cpu = record.sweep.resources.evaluator.cpu
    with _terminable(), connect(options.address, evaluator_cpu=cpu, verbose=options.verbose) as here:
        members = _members(record, task, here)
        record = _settled(record, members, datasets, here, options)
        store.write("sweep.yaml", record.to_yaml().encode())
        tracker = MlflowTracker(store, record, tracking_uri=options.tracking_uri)
        tracker.check()
        sweep = record.sweep
        progress.notice(
            f"{record.id}: profile {sweep.profile}, {len(sweep.configurations)} configurations, "
            f"{sweep.replicates} generators, {sweep.cells} victims on {here.describe()}"
        )
        with progress:
            outcome = run_sweep(record, store, datasets, here, tracker, progress, members=members)
    undelivered = tracker.close(DELIVER_S)
    if undelivered:
        click.echo(
            f"MLflow did not take {undelivered} events; nothing is lost: "
            f"send them with `pgan-ray track {store.location}`",
            err=True,
        )
    _show(record, store, outcome, tracker.uri, options.as_json)
    return EXIT_CODES[outcome.outcome]


def _members(record: SweepRecord, task: TaskData, here: Connection) -> tuple[int, int]:
    """Networks per actor of both stages, where every configuration has room."""
    resources = record.sweep.resources
    trial, victim = here.request(resources.trial), here.request(resources.evaluator)
    settings = [configuration.settings for configuration in record.sweep.configurations]
    return (
        min(trial_members(s, task, on_gpu="GPU" in trial, slots=here.slots(trial)) for s in settings),
        min(victim_members(s, task, on_gpu="GPU" in victim, slots=here.slots(victim)) for s in settings),
    )


def _settled(
    record: SweepRecord, members: tuple[int, int], datasets: dict[str, Dataset], here: Connection, options: Options
) -> SweepRecord:
    """The record with what was left to the machine filled in, and with where it ran."""
    document = copy.deepcopy(record.sweep.document)
    for stage, number in zip(("trial", "evaluator"), members, strict=True):
        document["resources"][stage]["members_per_actor"] = number
    sweep = replace(record.sweep, document=document)
    found = facts(sweep, datasets, here.describe())
    where = redact(tracking_uri(options.tracking_uri))
    return replace(record, sweep=sweep, facts=record.facts or {**found, "tracking_uri": where})


def _show(record: SweepRecord, store: Store, outcome: Outcome, uri: str, as_json: bool) -> None:
    if as_json:
        click.echo(store.read("summary.json").decode())
    else:
        points = summarise(read_rows(store))
        if points:
            show(error_table(points))
            show(rates_table(points))
    for text in outcome.failures:
        click.echo(f"failed: {text}", err=True)
    for text in outcome.diverged:
        click.echo(f"diverged: {text}", err=True)
    for text in outcome.retried:
        click.echo(f"retried: {text}", err=True)
    click.echo(
        f"{outcome.outcome} after {clock(outcome.seconds)}; rows, generators and summary: {store.location}",
        err=True,
    )
    click.echo(f"compare in MLflow ({uri}): pgan-ray ui {store.location}", err=True)
    if outcome.outcome != "complete":
        click.echo(f"what is missing: pgan-ray resume {store.location}", err=True)


@contextmanager
def _terminable() -> Iterator[None]:
    """Within: SIGTERM ends the sweep as Ctrl-C does."""

    def raise_it(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, raise_it)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
