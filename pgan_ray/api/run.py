"""Running a sweep from its resolved record to its result: what the API's calls and the command line share."""

import copy
import json
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any, Literal, get_args

import pyarrow as pa

from pgan_ray.api.result import SweepResult
from pgan_ray.api.told import Told
from pgan_ray.cost import PointsOf, sweep_bytes
from pgan_ray.data import Dataset, TaskData
from pgan_ray.errors import DataError, SpecError
from pgan_ray.forecast import estimate_line, points_at_hand
from pgan_ray.results import (
    DATA_FILE,
    Lease,
    Store,
    check_new,
    check_resumable,
    known_trials,
    lease,
    redact,
    shorten_retries,
)
from pgan_ray.runner import Executor, LocalExecutor, Offer, ProgressDisplay, SearchRun, SweepRun
from pgan_ray.runner.asked import asked_resources
from pgan_ray.runner.limits import check_room, room_here
from pgan_ray.runner.machine import cpu_products
from pgan_ray.runner.members import members
from pgan_ray.runner.prepare import check_fractions, check_same_data, dataset_facts, facts, load_datasets
from pgan_ray.search import check_sampler
from pgan_ray.spec import ResourcesSpec, Sweep, SweepRecord, load_record, with_known
from pgan_ray.text import typed
from pgan_ray.tracking import (
    MlflowTracker,
    NullTracker,
    Tracker,
    is_new_database,
    kept_uri,
    option_for,
    tracking_uri_of,
)

ExecutorName = Literal["ray", "local"]

DELIVER_S = 120.0
DELIVER_STOPPED_S = 4.0  # somebody waits for the end


@dataclass(frozen=True)
class RunOptions:
    """How to run a sweep: named as the arguments of `run_sweep` and the options of the command line."""

    executor: ExecutorName = "ray"
    data_dir: Path | None = None
    address: str | None = None
    expect_gpus: bool = False
    tracking_uri: str | None = None
    offline_tracking: bool = False
    verbose: bool = False


@dataclass(frozen=True)
class _Prepared:
    """What was found before anything is started."""

    store: Store
    options: RunOptions
    datasets: dict[str, Dataset]
    task: TaskData  # of the first configuration
    points: PointsOf
    uri: str
    tracking: "_Check"
    progress: ProgressDisplay


class _Check:
    """Looks whether something can be used, ``beside`` what is done until its answer is asked for."""

    def __init__(self, check: Callable[[], None], *, beside: bool) -> None:
        self._check = check
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="check")
        if beside:
            self._thread.start()
        else:
            check()

    def _run(self) -> None:
        try:
            self._check()
        except Exception as error:
            self._error = error

    def passed(self) -> None:
        """Wait for the answer. Raises what the check raised."""
        if self._thread.ident is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error


def check_executor(options: RunOptions, resources: ResourcesSpec) -> None:
    """Check that the sweep can run where the options say. Raises `SpecError` or `ClusterError` if not."""
    if options.executor not in get_args(ExecutorName):
        known = " or ".join(get_args(ExecutorName))
        raise SpecError([f"executor: must be {known}, got {options.executor!r}"])
    if options.executor == "ray":
        from pgan_ray.cluster import check_cluster  # the local executor does without Ray's import

        check_cluster(resources, options.address, expects_gpus=options.expect_gpus)
        return
    given = [name for name, value in (("address", options.address), ("expect_gpus", options.expect_gpus)) if value]
    if given:
        raise SpecError([f"{name}: must go with the executor `ray`, got `local`" for name in given])


def joins_cluster(options: RunOptions) -> bool:
    """Whether the sweep joins a cluster, whose nodes are not known before."""
    is_named = bool(options.address or os.environ.get("RAY_ADDRESS") or options.expect_gpus)
    return options.executor == "ray" and is_named


def run_record(record: SweepRecord, store: Store, options: RunOptions, progress: ProgressDisplay) -> SweepResult:
    """Run what is unfinished of ``record`` in ``store``. After an interrupt, the result's outcome says so."""
    shorten_retries(False)
    uri = ""
    if not options.offline_tracking:
        uri = tracking_uri_of(record.facts, options.tracking_uri, directory=store.location)
    check_executor(options, record.sweep.resources)
    if record.sweep.search is not None:
        check_sampler()
    if record.facts:
        store.at_start(lambda: check_resumable(store, record))
    try:
        check_fractions(record.sweep)
    except DataError as error:
        if not record.facts or record.earlier:
            raise
        progress.notice(f"warning: {error}")  # an earlier version began it, and what is finished stays of use
    datasets, task = load_datasets(record.sweep, options.data_dir, progress.notice)
    check_same_data(record, datasets)
    points = points_at_hand(record.sweep, datasets)
    if not joins_cluster(options):
        check_room(record.sweep, points, room_here(record.sweep))
    tracker = NullTracker() if options.offline_tracking else MlflowTracker(store, record, tracking_uri=uri)
    # A new database is made while Ray's processes start: each takes seconds. What is there is asked before.
    tracking = _Check(tracker.check, beside=bool(uri) and is_new_database(uri) and options.executor == "ray")
    # What a sweep that is resumed has there already is not counted again.
    store.check(0 if record.facts else sweep_bytes(record.sweep, points))
    with lease(store, progress.notice) as claim:
        return _run(record, _Prepared(store, options, datasets, task, points, uri, tracking, progress), claim)


def _run(record: SweepRecord, found: _Prepared, claim: Lease) -> SweepResult:
    store, options, progress = found.store, found.options, found.progress
    # The signals last: Ray takes SIGTERM for itself when it starts.
    with _executors(options, record.sweep.resources) as executors, _one_signal() as signals:
        executor = executors()
        found.tracking.passed()
        claim.confirm()
        if not record.facts:
            # Since it was looked at, another new sweep may have begun there, and even ended.
            store.at_start(lambda: check_new(store, claimed=True))
        executor.check_workers(store, record.sweep)
        check_room(record.sweep, found.points, executor.room(record.sweep))
        offer = executor.offer(asked_resources(record.sweep))
        is_new, stacks = not record.facts, members(record.sweep, found.points, offer)
        record = _settled(record, found, stacks, offer)
        store.write("sweep.yaml", record.to_yaml().encode())
        _keep_data(store, found)
        tracker = NullTracker() if options.offline_tracking else MlflowTracker(store, record, tracking_uri=found.uri)
        sweep = record.sweep
        progress.notice(
            f"{record.id}: profile {sweep.profile}, {len(sweep.configurations)} configurations, "
            f"{sweep.generators} generators, {sweep.cells} victims on {executor.describe()}"
        )

        def estimate() -> None:
            if is_new:
                found.progress.notice(_estimate(sweep, stacks, found.datasets, offer))

        # Ray's actors take seconds to start, in processes of their own; the local executor's work is in this one. And
        # what several threads take is seen only where nothing else runs.
        threads = max(sweep.resources.trial.cpu, sweep.resources.evaluator.cpu)
        is_beside = options.executor == "ray" and threads < 2
        if not is_beside:
            estimate()
        with Told(found.progress, claim, first=estimate if is_beside else None) as progress:
            if sweep.search is None:
                outcome = SweepRun(record, store, found.datasets, executor, tracker, progress, members=stacks).run()
            else:
                outcome = SearchRun(record, store, found.datasets, executors, tracker, progress, members=stacks).run()
        stopped = outcome.outcome == "interrupted"
        has_report = not stopped and _report(store, tracker, progress)
        try:
            undelivered = tracker.close(DELIVER_STOPPED_S if stopped else DELIVER_S)
        except KeyboardInterrupt:
            undelivered = tracker.close(DELIVER_STOPPED_S)
    if undelivered:
        progress.notice(
            f"MLflow did not accept {undelivered} events; nothing is lost: "
            f"send them with `pgan-ray track {typed(redact(store.location))}{option_for(found.uri)}`"
        )
    if record.sweep.search is not None:
        record = record.knowing(with_known(record.sweep, known_trials(store, record)))
    return SweepResult(
        store, record, outcome, tracking_uri=found.uri, has_report=has_report, signal=signals[0] if signals else None
    )


@contextmanager
def _executors(options: RunOptions, resources: ResourcesSpec) -> Iterator[Callable[[], Executor]]:
    """What gives an executor for each run of a part of the sweep."""
    if options.executor == "local":
        yield LocalExecutor
        return
    from pgan_ray.cluster import RayExecutor, connect

    with connect(
        options.address,
        evaluator_cpu=resources.evaluator.cpu,
        verbose=options.verbose,
        expects_gpus=options.expect_gpus,
    ) as connection:
        yield lambda: RayExecutor(connection)


def _estimate(sweep: Sweep, stacks: tuple[int, int], datasets: dict[str, Dataset], offer: Offer) -> str:
    """How long it will take. The sweep does not depend on it: a fault of ours in it is told, and no more."""
    try:
        return estimate_line(sweep, stacks, datasets, offer)
    except Exception as error:
        return f"no estimate ({type(error).__name__}: {error})"


def _keep_data(store: Store, found: _Prepared) -> None:
    """Keep what the report and the poison's original units need: they read the directory alone."""
    facts_of = {
        key: {
            "name": dataset.name,
            "digest": dataset.digest,
            "value_range": dataset.value_range,
            "scale": None
            if dataset.scale is None
            else {"offset": dataset.scale.offset.tolist(), "width": dataset.scale.width.tolist()},
            "image_shape": dataset.image_shape,
        }
        for key, dataset in found.datasets.items()
    }
    store.write(DATA_FILE, json.dumps(facts_of, indent=1).encode())
    task = found.task
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


def _report(store: Store, tracker: Tracker, progress: ProgressDisplay) -> bool:
    """Draw the report, and tell whether that was done.

    The sweep's results do not depend on it: a fault of ours in it is told, and no more.
    """
    try:
        from pgan_ray.report import write_report  # matplotlib takes a while, and a part of it may be missing

        write_report(store, store.below("report"))
    except KeyboardInterrupt:
        progress.notice(f"the report was not finished; to write it: pgan-ray report {typed(redact(store.location))}")
        return False
    except (OSError, SpecError) as error:
        progress.notice(f"the report could not be written: {error}")
        return False
    except Exception:
        progress.notice(f"the report could not be written:\n{redact(traceback.format_exc())}")
        return False
    tracker.report_written()
    return True


def _settled(record: SweepRecord, prepared: _Prepared, stacks: tuple[int, int], offer: Offer) -> SweepRecord:
    """The record with what was left to the machine filled in, if it is new, and with where it ran."""
    if not record.facts:
        document: dict[str, Any] = copy.deepcopy(record.sweep.document)
        for stage, number in zip(("trial", "evaluator"), stacks, strict=True):
            document["resources"][stage]["members_per_actor"] = number
        document["resources"]["cpu_products"] = cpu_products(record.sweep.resources)
        record = record.of(replace(record.sweep, document=document))
    found = record.facts or facts(record.sweep, prepared.datasets, offer.name)
    if record.earlier:
        found = {**found, **dataset_facts(prepared.datasets)}
    found = {name: redact(text) for name, text in found.items()}
    if prepared.uri:
        found["tracking_uri"] = kept_uri(prepared.uri, prepared.store.location)
    # Read back, so that the configurations say what the document says.
    text = replace(record, facts=found).to_yaml()
    return load_record(text, "sweep.yaml", imports=True, known_trials=lambda read: known_trials(prepared.store, read))


@contextmanager
def _one_signal() -> Iterator[list[int]]:
    """Within: SIGTERM ends the sweep as Ctrl-C does, and one of them is enough: more would lose the ending.

    Yields the list that the signal is put into. Only a process's main thread gets signals: in another one nothing
    is changed.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def stop(number: int, frame: FrameType | None) -> None:
        if not received:
            received.append(number)
            shorten_retries()
            raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
