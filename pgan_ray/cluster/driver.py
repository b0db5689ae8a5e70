"""The sweep's driver: one loop that feeds stage 2 from stage 1, writes rows and tells `tracking` and the terminal."""

import errno
import json
import os
import queue
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import ray

from pgan_ray.cluster.connection import Connection
from pgan_ray.cluster.demand import Demand, worth
from pgan_ray.cluster.ending import Outcome
from pgan_ray.cluster.evaluator import Stage2, rows_without_scores
from pgan_ray.cluster.plan import Batch, Stage2Cut, Trial, trials
from pgan_ray.cluster.progress import Progress, State
from pgan_ray.cluster.stage1 import Event, Stage1Run
from pgan_ray.cluster.stage2 import Finished, Stage2Run
from pgan_ray.cluster.timeline import Span, Timeline
from pgan_ray.cluster.trainable import TUNE_FOLDER, Stage1, find_checkpoints
from pgan_ray.cluster.worker import Engine
from pgan_ray.data import Dataset
from pgan_ray.errors import ClusterError
from pgan_ray.results import Store, has_rows, outcome_of, read_record, read_rows, summarise, write_rows
from pgan_ray.spec import Cell, Configuration, SweepRecord

if TYPE_CHECKING:
    # A type only: this module is imported on workers too, which have no business with MLflow.
    from pgan_ray.tracking import Tracker

POLL_S = 0.5
STOP_S = 3.0  # a pod that is evicted has half a minute, a person less
WAIT_NOTICE_S = 60.0
NO_SPACE = os.strerror(errno.ENOSPC)


class SweepRun:
    """One run of a sweep, of what is not finished of it yet."""

    def __init__(
        self,
        record: SweepRecord,
        store: Store,
        datasets: dict[str, Dataset],
        connection: Connection,
        tracker: "Tracker",
        progress: Progress,
        *,
        members: tuple[int, int],
        engine: Engine | None = None,
    ) -> None:
        """``members``: networks per actor of stage 1 and of stage 2; ``engine``: what trains, else ours."""
        engine = engine or Engine()
        self._record, self._store, self._tracker, self._progress = record, store, tracker, progress
        self._connection, self._members = connection, members
        self._configurations = {c.id: c for c in record.sweep.configurations}
        self._trials = {trial.id: trial for trial in trials(record.sweep, members[0])}
        self._stage2_cut = Stage2Cut(record.sweep, members[1])
        self._state = State(generators=record.sweep.generators, victims=record.sweep.cells)
        self._state.trials = dict.fromkeys(self._trials, 0.0)
        self._outcome = Outcome()
        self._batches_left: dict[str, int] = defaultdict(int)  # of each configuration
        self._replicates_left = {c.id: c.settings.attack.replicates for c in record.sweep.configurations}
        resources = record.sweep.resources
        trial_request = self._trial_request = connection.request(resources.trial)
        self._evaluator_request = connection.request(resources.evaluator)
        self._trained = [trial.id for trial in self._trials.values() if self._is_trained(trial)]
        unfinished = [trial for trial in self._trials.values() if trial.id not in self._trained]
        in_object_store = ray.put(datasets)
        evaluator_request = self._evaluator_request  # not `self`: Tune pickles the function
        self._stage1 = Stage1Run(
            Stage1(record, store, self._trials, in_object_store, find_checkpoints(store), engine),
            unfinished,
            request=trial_request,
            limit=lambda: connection.trial_limit(trial_request, evaluator_request),
        )
        self._stage1_runs = bool(unfinished)
        self._stage2 = Stage2Run(
            Stage2(record, store, engine), in_object_store, self._evaluator_request, resources.max_failures
        )
        self._anything_started = not unfinished
        self._timeline, self._most_slots = Timeline(), 1
        self._demand, self._demand_failed, self._nodes = Demand(), False, connection.nodes
        self._finished_trials: set[str] = set()

    def _is_trained(self, trial: Trial) -> bool:
        return all(read_record(self._store, trial.configuration, r) is not None for r in trial.replicates)

    def run(self) -> Outcome:
        """Run to the end, an interrupt (`KeyboardInterrupt`) or an error, both of which are told in the outcome.

        Rows and generators are written as they come: nothing that is finished is lost.
        """
        self._tracker.sweep_started()
        self._stage1.start()
        try:
            self._begin_baselines()
            for trial_id in self._trained:
                self._trial_finished(trial_id)
            self._loop()
        except KeyboardInterrupt:
            self._outcome.outcome = "interrupted"
            self._progress.notice("stopping: what is finished is kept")
        except Exception as error:
            self._outcome.outcome = "failed"
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                self._fail("the sweep stopped", f"{self._store.location}: must have room left, got {error}")
            else:
                self._fail(f"the sweep failed ({type(error).__name__})", traceback.format_exc())
        try:
            self._stop_stages()
            return self._end()
        except KeyboardInterrupt:
            self._outcome.outcome = "interrupted"
            return self._end()

    def _stop_stages(self) -> None:
        self._stage1.stop()
        # A head that is away must not keep what is finished from its summary; groups and actors end with the job.
        with suppress(Exception):
            self._stage2.stop()
        if self._outcome.outcome != "interrupted":  # it ends at once, and its job with it
            with suppress(Exception):
                self._demand.withdraw()
        self._stage1.join(STOP_S)

    def _loop(self) -> None:
        while self._stage1_runs or self._stage2.busy:
            self._take_events()
            # At least one, so that an autoscaler sees the demand.
            slots = max(1, self._connection.slots(self._evaluator_request))
            self._most_slots = max(self._most_slots, slots)
            trials_left = sum(share < 1 for share in self._state.trials.values()) if self._stage1_runs else 0
            most = self._connection.evaluator_limit(self._trial_request, self._evaluator_request, trials_left)
            self._follow_cluster(trials_left, most)
            for finished in self._stage2.poll(most, POLL_S if self._stage2.busy else 0):
                self._batch_finished(finished)
            self._state.evaluators = self._stage2.running
            if not self._anything_started and self._state.elapsed_s > WAIT_NOTICE_S:
                self._anything_started = True  # said once
                self._progress.notice(f"no trial could start yet: waiting for a node with {self._trial_request}")
            self._progress.update(self._state, slots)

    def _follow_cluster(self, trials_left: int, most_evaluators: int) -> None:
        """Tell of nodes that come and go, and show an autoscaler what more of them could be used for."""
        if not self._connection.may_grow:
            return
        nodes = self._connection.nodes
        if nodes != self._nodes:
            self._nodes = nodes
            self._progress.notice(f"the cluster changed: {self._connection.describe()}")
        more_trials = trials_left - self._connection.trial_limit(self._trial_request, self._evaluator_request)
        at_work = self._stage2.running
        wanted = worth(self._stage2.waiting, self._stage2.cells_waiting, self._state.seconds_per_victim, at_work)
        more_evaluators = at_work + wanted - most_evaluators
        demand = [(self._trial_request, more_trials), (self._evaluator_request, more_evaluators)]
        try:
            self._demand.show(demand, nodes=nodes)
        except Exception as error:  # the sweep goes on with the nodes that there are
            if not self._demand_failed:
                self._demand_failed = True
                self._progress.notice(f"Ray was not told what waits ({type(error).__name__}: {error})")

    def _take_events(self) -> None:
        """Handle stage 1's events; wait for one where nothing else would."""
        handlers: dict[str, Callable[[Event], None]] = {
            "started": self._trial_started,
            "report": self._report,
            "finished": lambda event: self._trial_finished(event.trial),
            "retried": self._trial_retried,
            "failed": self._trial_failed,
            "ended": self._stage1_ended,
        }
        wait_s = 0.0 if self._stage2.busy or not self._stage1_runs else POLL_S
        while True:
            try:
                event = self._stage1.events.get(timeout=wait_s) if wait_s else self._stage1.events.get_nowait()
            except queue.Empty:
                return
            handlers[event.kind](event)
            wait_s = 0.0

    def _trial_started(self, event: Event) -> None:
        self._anything_started = True

    def _report(self, event: Event) -> None:
        assert event.result is not None  # reports have one
        trial, result = self._trials[event.trial], event.result
        share = result["iteration"] / result["iterations"]
        self._state.trained += max(0.0, share - self._state.trials[trial.id])
        self._state.training_s += result["time_this_iter_s"]
        self._state.trials[trial.id] = share
        self._timeline.add(result["actor"], Span(f"generators {trial.id}", *result["span"]))
        by_replicate: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in result["rows"]:
            by_replicate[row["replicate"]].append({k: v for k, v in row.items() if k != "replicate"})
        for replicate, rows in by_replicate.items():
            self._state.losses[trial.configuration, replicate] = rows[-1]
            self._tracker.training(trial.configuration, replicate, rows)

    def _trial_finished(self, trial_id: str) -> None:
        if trial_id in self._finished_trials:
            return  # Tune says it twice after some recoveries
        self._finished_trials.add(trial_id)
        trial = self._trials[trial_id]
        configuration = self._configurations[trial.configuration]
        self._state.trials[trial_id] = 1.0
        for replicate in trial.replicates:
            record = read_record(self._store, trial.configuration, replicate)
            if record is None:
                # Written before the trial's last report: this process looks at another directory.
                where = f"{self._store.location}/generators/{trial.configuration}/r{replicate}"
                raise ClusterError(f"{where}: must be seen by every node of the cluster, got no record there")
            self._state.generators_done += 1
            self._state.losses.pop((trial.configuration, replicate), None)
            self._tracker.generator_finished(trial.configuration, replicate)
            cuts = self._cut(configuration, replicate)
            if record.outcome == "complete":
                self._stage2.add(batch for batch in cuts if not self._is_done(batch))
            else:
                self._state.generators_diverged += 1
                self._outcome.diverged.append(f"generator {trial.configuration}/r{replicate}: {record.message}")
                for batch in cuts:
                    rows = rows_without_scores(self._record, configuration, batch)
                    self._batch_finished(Finished(batch, rows))

    def _begin_baselines(self) -> None:
        """Attacks that train nothing have no stage 1: their victims can be trained at once."""
        for configuration in self._configurations.values():
            if not configuration.settings.attack.is_trained:
                cuts = [self._cut(configuration, r) for r in range(configuration.settings.attack.replicates)]
                self._stage2.add(batch for replicate in cuts for batch in replicate if not self._is_done(batch))

    def _cut(self, configuration: Configuration, replicate: int) -> list[Batch]:
        cuts = list(self._stage2_cut.batches(configuration, replicate))
        self._replicates_left[configuration.id] -= 1
        self._batches_left[configuration.id] += len(cuts)
        return cuts

    def _is_done(self, batch: Batch) -> bool:
        done = has_rows(self._store, batch.id)
        if done:
            self._count(batch)
        return done

    def _trial_retried(self, event: Event) -> None:
        if NO_SPACE in event.message and self._is_full():
            # One trial after the other would fail of it, as often as it may.
            raise OSError(errno.ENOSPC, f"{NO_SPACE}, for trial {event.trial}")
        self._outcome.retried.append(f"trial {event.trial}: {_last_line(event.message)}")
        self._progress.notice(
            f"trial {event.trial} ended early ({_last_line(event.message)}); it goes on from its last checkpoint"
        )

    def _is_full(self) -> bool:
        """Whether the sweep's own disk has no room left; a worker's may have none, which is that worker's matter."""
        if "://" in self._store.location:
            return False
        try:
            self._store.write(".room", bytes(2**16))
            self._store.delete(".room")
        except OSError as error:
            return error.errno == errno.ENOSPC
        return False

    def _trial_failed(self, event: Event) -> None:
        trial = self._trials[event.trial]
        configuration = self._configurations[trial.configuration]
        cells = sum(1 for replicate in trial.replicates for _ in configuration.cells(replicate))
        self._fail(f"trial {trial.id} failed, and with it {_so_many_cells(cells)}", event.message)
        self._state.victims_failed += cells
        self._state.trials.pop(trial.id)

    def _stage1_ended(self, event: Event) -> None:
        self._stage1_runs = False
        if NO_SPACE in event.message and self._is_full():
            raise OSError(errno.ENOSPC, NO_SPACE)
        if event.message:
            self._fail("stage 1 failed as a whole", event.message)

    def _batch_finished(self, finished: Finished) -> None:
        batch = finished.batch
        if finished.span is not None:
            self._timeline.add(finished.actor, finished.span)
        if finished.rows is None:
            self._fail(f"batch {batch.id} failed, and with it {_so_many_cells(len(batch.cells))}", finished.error)
            self._state.victims_failed += len(batch.cells)
            self._batches_left[batch.configuration] -= 1
            self._configuration_maybe_finished(batch.configuration)
            return
        write_rows(self._store, batch.id, finished.rows)
        seconds = [row["seconds"] for row in finished.rows if row["outcome"] == "complete"]
        if seconds:
            self._state.seconds_per_victim = sum(seconds) / len(seconds)
        emptied = [row["cell_id"] for row in finished.rows if row["outcome"] == "failed"]
        if emptied:
            self._fail(
                f"{len(emptied)} victims failed", f"{', '.join(emptied)}: the detectors left nothing to train on"
            )
        self._count(batch)

    def _count(self, batch: Batch) -> None:
        self._state.victims_done += len(batch.cells)
        self._batches_left[batch.configuration] -= 1
        self._configuration_maybe_finished(batch.configuration)

    def _configuration_maybe_finished(self, configuration: str) -> None:
        if self._batches_left[configuration] == 0 and self._replicates_left[configuration] == 0:
            self._tracker.configuration_finished(configuration)

    def _fail(self, what: str, message: str) -> None:
        self._outcome.failures.append(f"{what}:\n{message.rstrip()}")
        self._progress.notice(f"{what}: {_last_line(message)}")

    def _end(self) -> Outcome:
        outcome = self._outcome
        outcome.retried += self._stage2.retried
        outcome.seconds = self._state.elapsed_s
        try:
            self._judge_rows()
            if self._timeline.worked_s():
                self._store.write("timeline.json", self._timeline.to_json().encode())
            if outcome.outcome == "complete":
                self._store.remove(TUNE_FOLDER)  # checkpoints: of use to an unfinished sweep alone
        except OSError as error:
            self._fail("the summary could not be written", str(error))
            outcome.outcome = "interrupted" if outcome.outcome == "interrupted" else "failed"
        self._tracker.sweep_finished(outcome.outcome)
        return outcome

    def _judge_rows(self) -> None:
        """What came of it by all rows, those of an earlier start among them; and the summary."""
        outcome = self._outcome
        if outcome.outcome == "interrupted":
            self._write_summary()  # a large sweep's rows take long to read, and somebody waits
            return
        rows = read_rows(self._store)
        # Victims without a training set are their generator's, which is told of apart.
        diverged = rows.filter(pc.and_(pc.equal(rows["outcome"], "diverged"), pc.greater(rows["train_size"], 0)))
        outcome.diverged += [f"victim {cell}" for cell in diverged["cell_id"].to_pylist()]
        if outcome.outcome == "complete" and (outcome.failures or outcome_of(rows, self._state.victims) != "complete"):
            outcome.outcome = "partial"
        if outcome.outcome in ("partial", "failed"):
            there = set(rows["cell_id"].to_pylist())
            outcome.cells_without_row = [cell.id for cell in self._cells() if cell.id not in there]
        outcome.points = summarise(rows)
        self._write_summary()

    def _write_summary(self) -> None:
        outcome = self._outcome
        summary = {
            "sweep_id": self._record.id,
            "profile": self._record.sweep.profile,
            **{name: value for name, value in asdict(outcome).items() if name != "summary"},
            "generators": {"planned": self._state.generators, "finished": self._state.generators_done},
            "cells": {"planned": self._state.victims, "finished": self._state.victims_done},
            "members_per_actor": {"trial": self._members[0], "evaluator": self._members[1]},
            # Of this run, where a sweep was resumed.
            "actors": {
                "slots": self._most_slots,
                "worked_s": self._timeline.worked_s(),
                "cpu_s": self._timeline.cpu_s(),
                "all_busy_until_last_twentieth": self._timeline.busy(self._most_slots),
            },
        }
        outcome.summary = summary
        self._store.write("summary.json", json.dumps(summary, indent=1).encode())

    def _cells(self) -> Iterator[Cell]:
        for configuration in self._configurations.values():
            for replicate in range(configuration.settings.attack.replicates):
                yield from configuration.cells(replicate)


def _so_many_cells(number: int) -> str:
    return "1 cell" if number == 1 else f"{number} cells"


def _last_line(message: str) -> str:
    lines = [line for line in message.strip().splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
