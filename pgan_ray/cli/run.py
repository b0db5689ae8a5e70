"""Running a sweep from its resolved record to the table at the end: what `sweep` and `resume` share."""

import copy
import json
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

import click
import pyarrow as pa

from pgan_ray.cli.estimate import estimate_line, points_at_hand
from pgan_ray.cli.prepare import check_same_data, facts, load_datasets
from pgan_ray.cli.table import error_table, rates_table, show
from pgan_ray.cli.terminal import LiveProgress, PlainProgress, clock, make_progress
from pgan_ray.cluster import Outcome, Progress, SweepRun, check_cluster, cluster_address, connect
from pgan_ray.cluster.connection import Connection
from pgan_ray.cluster.members import members
from pgan_ray.cluster.room import room_here, room_on
from pgan_ray.cost import check_room, sweep_bytes
from pgan_ray.data import Dataset, TaskData
from pgan_ray.results import Lease, Store, hurry, lease, redact
from pgan_ray.spec import Sweep, SweepRecord, load_record
from pgan_ray.tracking import MlflowTracker, NullTracker, Tracker, option_for, recorded, tracking_uri_of

DELIVER_S = 120.0
DELIVER_STOPPED_S = 4.0  # somebody waits for the end
EXIT_CODES = {"complete": 0, "partial": 1, "failed": 1, "interrupted": 130}


@dataclass(frozen=True)
class Options:
    """What the command line says beside the sweep itself."""

    data_dir: Path | None
    address: str | None
    expect_gpus: bool
    tracking_uri: str | None
    offline_tracking: bool
    as_json: bool
    verbose: bool


@dataclass(frozen=True)
class _Prepared:
    """What was found before anything is started."""

    store: Store
    options: Options
    datasets: dict[str, Dataset]
    task: TaskData  # of the first configuration
    uri: str
    progress: LiveProgress | PlainProgress


def run_record(record: SweepRecord, store: Store, options: Options) -> int:
    """Run what is not finished of ``record`` in ``store``; returns the exit code."""
    hurry(False)
    uri = "" if options.offline_tracking else tracking_uri_of(record.facts, options.tracking_uri)
    check_cluster(record.sweep.resources, options.address, expects_gpus=options.expect_gpus)
    progress = make_progress()
    datasets, task = load_datasets(record.sweep, options.data_dir, progress.notice)
    check_same_data(record, datasets)
    if not cluster_address(options.address):
        check_room(record.sweep, points_at_hand(record.sweep, datasets), room_here(record.sweep))
    if not options.offline_tracking:
        # Before a cluster is started, hence before its record is.
        MlflowTracker(store, record, tracking_uri=uri).check()
    # What a sweep that is resumed has there already is not counted again.
    store.check(0 if record.facts else sweep_bytes(record.sweep, points_at_hand(record.sweep, datasets)))
    with lease(store, progress.notice) as claim:
        return _run(record, _Prepared(store, options, datasets, task, uri, progress), claim)


def _run(record: SweepRecord, found: _Prepared, claim: Lease) -> int:
    store, options, progress = found.store, found.options, found.progress
    cluster = connect(
        options.address,
        evaluator_cpu=record.sweep.resources.evaluator.cpu,
        verbose=options.verbose,
        expects_gpus=options.expect_gpus,
    )
    # The signals last: Ray takes SIGTERM for itself when it starts.
    with cluster as here, _one_signal() as signals:
        claim.confirm()
        here.check_shared(store)
        check_room(record.sweep, points_at_hand(record.sweep, found.datasets), room_on(here, record.sweep))
        is_new, stacks = not record.facts, _members(record, found.datasets, here)
        record = _settled(record, stacks, found.datasets, here, found.uri)
        store.write("sweep.yaml", record.to_yaml().encode())
        _keep_points(store, found.task)
        tracker = NullTracker() if options.offline_tracking else MlflowTracker(store, record, tracking_uri=found.uri)
        sweep = record.sweep
        progress.notice(
            f"{record.id}: profile {sweep.profile}, {len(sweep.configurations)} configurations, "
            f"{sweep.generators} generators, {sweep.cells} victims on {here.describe()}"
        )
        if is_new:
            progress.notice(_estimate(sweep, stacks, found.datasets, here))
        with progress:
            outcome = SweepRun(record, store, found.datasets, here, tracker, progress, members=stacks).run()
        stopped = outcome.outcome == "interrupted"
        has_report = not stopped and _report(store, tracker, progress)
        try:
            undelivered = tracker.close(DELIVER_STOPPED_S if stopped else DELIVER_S)
        except KeyboardInterrupt:
            undelivered = tracker.close(DELIVER_STOPPED_S)
    if undelivered:
        click.echo(
            f"MLflow did not take {undelivered} events; nothing is lost: "
            f"send them with `pgan-ray track {redact(store.location)}{option_for(found.uri)}`",
            err=True,
        )
    _show(record, store, outcome, options, found.uri)
    if has_report:
        click.echo(f"the report: {redact(store.place('report/index.html'))}", err=True)
    if signals:
        return 143 if signals == [signal.SIGTERM] else 130
    return EXIT_CODES[outcome.outcome]


def _estimate(sweep: Sweep, stacks: tuple[int, int], datasets: dict[str, Dataset], here: Connection) -> str:
    """How long it will take. The sweep does not depend on it: a fault of ours in it is told, and no more."""
    try:
        return estimate_line(sweep, stacks, datasets, here)
    except Exception as error:
        return f"no estimate ({type(error).__name__}: {error})"


def _keep_points(store: Store, task: TaskData) -> None:
    """Keep the genuine points of a task in the plane: the report draws them, and reads the directory alone."""
    if task.features == 2:
        store.write_table(
            "genuine.parquet",
            pa.table(
                {
                    "x": task.train_x[:, 0].numpy(),
                    "y": task.train_x[:, 1].numpy(),
                    "label": [task.classes[label] for label in task.train_y.tolist()],
                }
            ),
        )


def _report(store: Store, tracker: Tracker, progress: Progress) -> bool:
    """Draw the report, and tell whether that was done.

    The sweep's results do not depend on it: a fault of ours in it is told, and no more.
    """
    try:
        from pgan_ray.report import write_report  # matplotlib takes a while, and a part of it may be missing

        write_report(store, store.below("report"))
    except KeyboardInterrupt:
        progress.notice(f"the report was not finished: pgan-ray report {redact(store.location)}")
        return False
    except OSError as error:
        progress.notice(f"the report could not be written: {error}")
        return False
    except Exception:
        progress.notice(f"the report could not be written:\n{traceback.format_exc()}")
        return False
    tracker.report_written()
    return True


def _members(record: SweepRecord, datasets: dict[str, Dataset], here: Connection) -> tuple[int, int]:
    """Networks per actor of both stages."""
    resources = record.sweep.resources
    trial, victim = here.request(resources.trial), here.request(resources.evaluator)
    return members(
        record.sweep,
        points_at_hand(record.sweep, datasets),
        on_gpu=("GPU" in trial, "GPU" in victim),
        memory=(here.memory_per_slot(trial), here.memory_per_slot(victim)),
        slots=here.slots(trial),
    )


def _settled(
    record: SweepRecord, stacks: tuple[int, int], datasets: dict[str, Dataset], here: Connection, uri: str
) -> SweepRecord:
    """The record with what was left to the machine filled in, and with where it ran."""
    document = copy.deepcopy(record.sweep.document)
    for stage, number in zip(("trial", "evaluator"), stacks, strict=True):
        document["resources"][stage]["members_per_actor"] = number
    sweep = replace(record.sweep, document=document)
    found = {name: redact(text) for name, text in (record.facts or facts(sweep, datasets, here.describe())).items()}
    if uri:
        found["tracking_uri"] = recorded(uri)
    # Read back, so that the configurations say what the document says.
    return load_record(replace(record, sweep=sweep, facts=found).to_yaml(), "sweep.yaml")


def _show(record: SweepRecord, store: Store, outcome: Outcome, options: Options, uri: str) -> None:
    if options.as_json:
        click.echo(json.dumps(outcome.summary, indent=1))
    elif outcome.points:
        planned = {c.id: c.settings.attack.replicates for c in record.sweep.configurations}
        if any("test_error" in point.rates for point in outcome.points):
            show(error_table(outcome.points, planned))
        show(rates_table(outcome.points, planned))
    for text in outcome.failures:
        click.echo(f"failed: {text}", err=True)
    for text in outcome.diverged:
        click.echo(f"diverged: {text}", err=True)
    for text in outcome.retried:
        click.echo(f"retried: {text}", err=True)
    where = redact(store.location)
    again = "" if options.offline_tracking else option_for(uri)
    click.echo(f"{outcome.outcome} after {clock(outcome.seconds)}; rows, generators and summary: {where}", err=True)
    if options.offline_tracking:
        click.echo(f"MLflow knows nothing of it yet: pgan-ray track {where}", err=True)
    else:
        click.echo(f"compare in MLflow ({record.facts['tracking_uri']}): pgan-ray ui {where}{again}", err=True)
    if outcome.can_go_on:
        click.echo(f"what is missing: pgan-ray resume {where}{again}", err=True)


@contextmanager
def _one_signal() -> Iterator[list[int]]:
    """Within: SIGTERM ends the sweep as Ctrl-C does, and one of them is enough: more would lose the ending.

    Yields the list that the signal is put into.
    """
    received: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if not received:
            received.append(number)
            hurry()
            raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
