"""Running a sweep from its resolved record to the table at the end: what `sweep` and `resume` share."""

import json
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
from pgan_ray.cluster import Outcome, connect, run_sweep
from pgan_ray.cluster.connect import Connection
from pgan_ray.cluster.members import trial_members, victim_members
from pgan_ray.data import Dataset, TaskData
from pgan_ray.results import Store, read_rows, summarise
from pgan_ray.spec import SweepRecord
from pgan_ray.tracking import MlflowTracker

DELIVER_S = 120.0


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
    progress = make_progress()
    datasets, task = load_datasets(record.sweep, options.data_dir, progress.notice)
    tracker = MlflowTracker(store, record, tracking_uri=options.tracking_uri)
    tracker.check()
    outcome, code = Outcome("interrupted"), 130
    resources = record.sweep.resources
    with (
        _terminable(),
        connect(options.address, evaluator_cpu=resources.evaluator.cpu, verbose=options.verbose) as here,
    ):
        record, members = _settle(record, datasets, task, here)
        store.write("sweep.yaml", record.to_yaml().encode())
        tracker.record = record
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
            f"MLflow did not take {undelivered} events; they are safe in {store.location}: "
            f"send them with `pgan-ray track {store.location}`",
            err=True,
        )
    code = {"complete": 0, "partial": 1, "interrupted": 130}[outcome.outcome]
    _show(record, store, outcome, tracker.uri, options.as_json)
    return code


def _settle(
    record: SweepRecord, datasets: dict[str, Dataset], task: TaskData, here: Connection
) -> tuple[SweepRecord, tuple[int, int]]:
    """Fix what the spec left to the machine, and write down where the sweep ran."""
    sweep = record.sweep
    resources = sweep.resources
    settings = [configuration.settings for configuration in sweep.configurations]
    trial_request, victim_request = here.request(resources.trial), here.request(resources.evaluator)
    trial = min(
        trial_members(s, task, on_gpu="GPU" in trial_request, slots=here.slots(trial_request))
        for s in settings
    )
    victim = min(
        victim_members(s, task, on_gpu="GPU" in victim_request, slots=here.slots(victim_request))
        for s in settings
    )
    document = json.loads(json.dumps(sweep.document))
    document["resources"]["trial"]["members_per_actor"] = trial
    document["resources"]["evaluator"]["members_per_actor"] = victim
    settled = replace(record, sweep=replace(sweep, document=document))
    if not record.facts:
        settled = replace(settled, facts=facts(sweep, datasets, here.describe()))
    return settled, (trial, victim)


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
