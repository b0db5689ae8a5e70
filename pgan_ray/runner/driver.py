"""The driver of a sweep: one loop that feeds stage 2 from stage 1, writes rows, and tells `tracking` and the user."""

import copy
import errno
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pgan_ray.data import Dataset
from pgan_ray.errors import ClusterError
from pgan_ray.results import (
    Directory,
    FinishedBatches,
    Store,
    Tally,
    check_device,
    compact,
    component_failed,
    find_checkpoints,
    forget_failures,
    has_probe,
    identity,
    redact,
    remove_checkpoints,
    write_rows,
)
from pgan_ray.runner.asked import asked_resources
from pgan_ray.runner.cut import Batch, Stage2Cut, Trial, parted, trials
from pgan_ray.runner.disk import check_room_left
from pgan_ray.runner.evaluating import rows_without_scores
from pgan_ray.runner.executor import (
    BatchFinished,
    BatchRetried,
    Executor,
    ExecutorNotice,
    Job,
    Outlook,
    TrialFailed,
    TrialFinished,
    TrialReport,
    TrialRetried,
    TrialsEnded,
    TrialStarted,
)
from pgan_ray.runner.outcome import SweepOutcome, write_summary
from pgan_ray.runner.progress import ProgressDisplay, Whole
from pgan_ray.runner.timeline import Span, Timeline
from pgan_ray.runner.words import VictimFailures, gist, last_line, so_many_cells
from pgan_ray.runner.worker import Engine
from pgan_ray.spec import Configuration, SweepRecord

if TYPE_CHECKING:
    # A type only: this module is imported on workers too, which have no business with MLflow.
    from pgan_ray.tracking import Tracker

POLL_S = 0.5


class SweepRun:
    """One run of a sweep, of what is not finished of it yet."""

    def __init__(
        self,
        record: SweepRecord,
        store: Store,
        datasets: dict[str, Dataset],
        executor: Executor,
        tracker: "Tracker",
        progress: ProgressDisplay,
        *,
        members: tuple[int, int],
        engine: Engine | None = None,
        whole: Whole | None = None,
        is_part: bool = False,
        settled: Set[str] = frozenset(),
        earlier: SweepOutcome | None = None,
        rung: float | None = None,
        trained_share: float = 0.0,
    ) -> None:
        """``members``: networks per actor of stage 1 and of stage 2; ``engine``: what trains, else ours.

        ``whole``: what the configurations of ``record`` are of, else they are all; with ``is_part`` the end of this run
        is not the sweep's. ``settled``: configurations of which nothing is run, whatever they miss. ``earlier``:
        what was told of them. ``rung``: as that of a `Job`; ``trained_share``: the rung that its trials came to before.
        """
        # A wave of a search is little of it.
        self._among = [one.id for one in record.sweep.configurations] if is_part else None
        self._directory, self._finished = Directory(store, record, strict=True), FinishedBatches(store, self._among)
        self._tally = Tally()  # of configurations that have all their rows
        self._written: dict[str, dict[str, pa.Table]] = defaultdict(dict)  # by configuration that has not, and batch
        self._record, self._store, self._tracker, self._progress = record, store, tracker, progress
        self._executor, self._members = executor, members
        self._configurations = {c.id: c for c in record.sweep.configurations}
        to_run = replace(
            record.sweep, configurations=tuple(c for c in record.sweep.configurations if c.id not in settled)
        )
        checkpoints, cut = find_checkpoints(store, record), trials(to_run, members[0])
        found = parted(cut, checkpoints, self._has_generator) if record.earlier else cut
        self._trials = {trial.id: trial for trial in found}
        self._stage2_cut = Stage2Cut(to_run, members[1])
        self._is_part, self._to_run, self._rung = is_part, to_run, rung
        self._tells_start = whole is None  # else it was told of the whole
        self._state = (whole or Whole(record.sweep.generators, record.sweep.cells)).state()
        self._state.trials = dict.fromkeys(self._trials, trained_share)
        self._state.trial_costs = {trial.id: trial.cost for trial in self._trials.values()}
        self._state.victims_cost = self._stage2_cut.cost
        self._outcome = copy.deepcopy(earlier or SweepOutcome())
        self._failures_before = len(self._outcome.failures)
        self._victim_failures = VictimFailures()
        self._batches_left: dict[str, int] = defaultdict(int)  # of each configuration
        self._replicates_left = {c.id: c.settings.attack.replicates for c in record.sweep.configurations}
        self._trained = {trial.id: None for trial in self._trials.values() if self._is_trained(trial)}  # in order
        unfinished = [trial for trial in self._trials.values() if trial.id not in self._trained]
        device = executor.offer(asked_resources(record.sweep)).trial.device
        check_device(store, {one.id: checkpoints[one.id] for one in unfinished if one.id in checkpoints}, device)
        self._job = Job(record, store, datasets, unfinished, checkpoints, engine or Engine(), rung)
        self._trials_run = bool(unfinished)
        self._timeline, self._most_slots = Timeline(), 1
        self._finished_trials: set[str] = set()

    def _is_trained(self, trial: Trial) -> bool:
        return all(self._has_generator(trial.configuration, r) for r in trial.replicates) or self._is_probed(trial)

    def _has_generator(self, configuration: str, replicate: int) -> bool:
        return self._directory.generator(configuration, replicate) is not None

    def _is_probed(self, trial: Trial) -> bool:
        """Whether it came to the rung that it is to come to."""
        return self._rung is not None and has_probe(self._store, trial.configuration, self._rung, trial.replicates)

    def run(self) -> SweepOutcome:
        """Run to the end, an interrupt (`KeyboardInterrupt`) or an error, both of which are told in the outcome.

        Rows and generators are written as they come: nothing that is finished is lost.
        """
        if self._tells_start:
            self._tracker.sweep_started()
        try:
            if forget_failures(self._store, self._to_run, self._among):
                self._progress.notice("running again the batches in which a component failed")
                self._finished = FinishedBatches(self._store, self._among)
            self._executor.start(self._job)
            self._begin_baselines()
            for trial_id in self._trained:
                self._trial_finished(trial_id)
            self._loop()
        except KeyboardInterrupt:
            self._outcome.outcome = "interrupted"
            self._progress.notice("stopping: what is finished is kept")
        except ClusterError as error:
            self._outcome.outcome = "failed"
            self._fail("the sweep stopped", str(error))
        except Exception as error:
            self._outcome.outcome = "failed"
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                self._fail("the sweep stopped", f"{self._store.location}: must have free space left, got {error}")
            else:
                self._fail(f"the sweep failed ({type(error).__name__})", traceback.format_exc())
        try:
            self._executor.stop(at_once=self._outcome.outcome == "interrupted")
            return self._end()
        except KeyboardInterrupt:
            self._outcome.outcome = "interrupted"
            return self._end()

    def _loop(self) -> None:
        handlers: dict[type, Callable[[Any], None]] = {
            TrialStarted: lambda event: None,
            TrialReport: self._report,
            TrialFinished: lambda event: self._trial_finished(event.trial),
            TrialRetried: self._trial_retried,
            TrialFailed: self._trial_failed,
            TrialsEnded: self._trials_ended,
            BatchFinished: self._batch_finished,
            BatchRetried: self._batch_retried,
            ExecutorNotice: lambda event: self._progress.notice(event.text),
        }
        while self._executor.busy:
            trials_left = len(self._state.trials) - len(self._finished_trials) if self._trials_run else 0
            for event in self._executor.wait(POLL_S, Outlook(trials_left, self._state.seconds_per_victim)):
                handlers[type(event)](event)
            slots = self._executor.slots
            self._most_slots = max(self._most_slots, slots)
            self._state.evaluators = self._executor.evaluators
            self._progress.update(self._state, slots)

    def _report(self, event: TrialReport) -> None:
        trial, result = self._trials[event.trial], event.result
        self._notices(f"trial {trial.id}", result.get("notices", ()))
        share = result["iteration"] / result["iterations"]
        self._state.training.add(result["seconds"], max(0.0, share - self._state.trials[trial.id]) * trial.cost)
        self._state.trials[trial.id] = share
        self._timeline.add(result["actor"], Span(f"generators {trial.id}", *result["span"]))
        by_replicate: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in result["rows"]:
            by_replicate[row["replicate"]].append({k: v for k, v in row.items() if k != "replicate"})
        for replicate, rows in by_replicate.items():
            self._state.losses[self._record.sweep.called(trial.configuration), replicate] = rows[-1]["metrics"]
            self._tracker.training(trial.configuration, replicate, rows)

    def _trial_finished(self, trial_id: str) -> None:
        if trial_id in self._finished_trials:
            return  # Tune says it twice after some recoveries
        self._finished_trials.add(trial_id)
        trial = self._trials[trial_id]
        if self._is_probed(trial):
            self._state.trials[trial_id] = self._rung or 0.0
            return
        configuration = self._configurations[trial.configuration]
        self._state.trials[trial_id] = 1.0
        for replicate in trial.replicates:
            record = self._directory.generator(trial.configuration, replicate)
            if record is None:
                # Written before the trial's last report: this process looks at another directory.
                where = f"{self._store.location}/generators/{trial.configuration}/r{replicate}"
                raise ClusterError(
                    f"{where}: must be visible to every node of the cluster, got no record there: with --out, name a "
                    "directory that all nodes share"
                )
            self._state.generators_done += 1
            self._state.losses.pop((self._record.sweep.called(trial.configuration), replicate), None)
            self._tracker.generator_finished(trial.configuration, replicate)
            cuts = self._cut(configuration, replicate)
            if record.outcome == "complete":
                self._executor.submit(batch for batch in cuts if not self._is_done(batch))
            else:
                self._state.generators_diverged += 1
                self._outcome.diverged.append(f"generator {trial.configuration}/r{replicate}: {record.message}")
                for batch in cuts:
                    if not self._is_done(batch):
                        rows = rows_without_scores(self._record, configuration, batch)
                        self._batch_finished(BatchFinished(batch, rows))

    def _begin_baselines(self) -> None:
        """Attacks that train nothing have no stage 1: their victims can be trained at once."""
        for configuration in self._to_run.configurations:
            if not configuration.settings.attack.is_trained:
                cuts = [self._cut(configuration, r) for r in range(configuration.settings.attack.replicates)]
                self._executor.submit(batch for replicate in cuts for batch in replicate if not self._is_done(batch))

    def _cut(self, configuration: Configuration, replicate: int) -> list[Batch]:
        cuts = list(self._stage2_cut.batches(configuration, replicate))
        self._replicates_left[configuration.id] -= 1
        self._batches_left[configuration.id] += len(cuts)
        return cuts

    def _is_done(self, batch: Batch) -> bool:
        cells = (cell.id for cell in batch.cells)
        done = self._finished.holds(self._configurations[batch.configuration], batch.id, cells)
        if done:
            self._state.victims_done += len(batch.cells)
            self._settle(batch)
        return done

    def _trial_retried(self, event: TrialRetried) -> None:
        check_room_left(self._store, event.message, f"trial {event.trial}")
        self._outcome.retried.append(f"trial {event.trial}: {last_line(event.message)}")
        self._progress.notice(
            f"trial {event.trial} ended early ({last_line(event.message)}); it goes on from its last checkpoint"
        )

    def _trial_failed(self, event: TrialFailed) -> None:
        check_room_left(self._store, event.message, f"trial {event.trial}")
        trial = self._trials[event.trial]
        configuration = self._configurations[trial.configuration]
        cells = sum(1 for replicate in trial.replicates for _ in configuration.cells(replicate))
        self._fail(f"trial {trial.id} failed, and with it {so_many_cells(cells)}", event.message)
        self._state.victims_failed += cells
        lost = (self._stage2_cut.batches(configuration, replicate) for replicate in trial.replicates)
        self._state.victims_cost -= sum(batch.cost for batches in lost for batch in batches)
        self._state.trials.pop(trial.id)

    def _batch_retried(self, event: BatchRetried) -> None:
        self._outcome.retried.append(f"batch {event.batch.id}: {redact(event.message).strip().splitlines()[0]}")

    def _trials_ended(self, event: TrialsEnded) -> None:
        self._trials_run = False
        check_room_left(self._store, event.message)
        if event.message:
            self._fail("stage 1 failed as a whole", event.message)

    def _batch_finished(self, finished: BatchFinished) -> None:
        batch = finished.batch
        self._notices(f"batch {batch.id}", finished.notices)
        if finished.span is not None:
            self._timeline.add(finished.actor, finished.span)
        if finished.rows is None:
            self._fail(f"batch {batch.id} failed, and with it {so_many_cells(len(batch.cells))}", finished.error)
            self._state.victims_failed += len(batch.cells)
            self._settle(batch)
            return
        table = write_rows(self._store, batch.id, finished.rows, identity(self._record))
        self._written[batch.configuration][batch.id] = table
        mendable = table.filter(component_failed(table))["cell_id"].to_pylist()
        self._outcome.cells_failed += mendable
        seconds = [row["seconds"] for row in finished.rows if row["outcome"] == "complete"]
        if seconds:
            self._state.seconds_per_victim = sum(seconds) / len(seconds)
            self._state.evaluating.add(sum(row["seconds"] for row in finished.rows), batch.cost)
        failed = {row["cell_id"]: row["message"] for row in finished.rows if row["outcome"] == "failed"}
        for line in self._victim_failures.add(failed):
            self._progress.notice(line)
        self._state.victims_done += len(batch.cells) - len(mendable)
        self._state.victims_failed += len(mendable)
        self._settle(batch)

    def _notices(self, of: str, lines: Iterable[str]) -> None:
        """What a worker did otherwise than planned."""
        for line in lines:
            self._outcome.retried.append(f"{of}: {line}")
            self._progress.notice(f"{of}: {line}")

    def _settle(self, batch: Batch) -> None:
        """Nothing more comes of ``batch``; it may have been the last of its configuration."""
        configuration = batch.configuration
        self._state.victims_cost -= batch.cost
        self._batches_left[configuration] -= 1
        if self._batches_left[configuration] or self._replicates_left[configuration]:
            return
        written = self._written.pop(configuration, {})
        if not self._finished.is_compact(self._configurations[configuration]):
            rows = compact(self._directory, self._configurations[configuration], written)
            if rows is not None:
                self._tally.add(configuration, rows)
        self._tracker.configuration_finished(configuration)

    def _fail(self, what: str, message: str) -> None:
        message = redact(message)
        self._outcome.failures.append(f"{what}:\n{message.rstrip()}")
        self._progress.notice(f"{what}: {gist(message)}")

    def _end(self) -> SweepOutcome:
        outcome = self._outcome
        outcome.seconds = self._state.elapsed_s
        outcome.failures += self._victim_failures.told()
        if self._is_part and outcome.outcome == "complete":
            return outcome
        try:
            self._judge_rows()
            if self._timeline.worked_s():
                self._store.write("timeline.json", self._timeline.to_json().encode())
            if outcome.outcome == "complete":
                remove_checkpoints(self._store)  # of use to an unfinished sweep alone
        except OSError as error:
            self._fail("the summary could not be written", str(error))
            outcome.outcome = "interrupted" if outcome.outcome == "interrupted" else "failed"
        self._tracker.sweep_finished(outcome.outcome)
        return outcome

    def _judge_rows(self) -> None:
        """What came of it by all rows, those of an earlier start among them; and the summary."""
        outcome = self._outcome
        if outcome.outcome == "interrupted" or self._is_part:
            self._write_summary()  # a large sweep's rows take long to read, and somebody waits
            return
        tally, late = self._tally, dict[str, pa.ChunkedArray]()  # configuration -> the ids of its cells
        for configuration, rows in self._directory.tables(without=frozenset(tally)):
            tally.add(configuration, rows)
            late[configuration] = rows["cell_id"]
        outcome.diverged += [f"victim {cell}" for cell in sorted(tally.diverged)]
        if outcome.outcome == "complete" and (
            len(outcome.failures) > self._failures_before or tally.outcome(self._record.sweep) != "complete"
        ):
            outcome.outcome = "partial"
        if outcome.outcome in ("partial", "failed"):
            outcome.cells_without_row = list(self._missing(late))
        outcome.devices, outcome.doubts = sorted(tally.devices), tally.doubts
        outcome.points, outcome.changes = tally.points, tally.changes(self._record.sweep)
        outcome.by_defence = tally.by_defence(self._record.sweep)
        self._write_summary()

    def _write_summary(self) -> None:
        more = {
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
        write_summary(self._store, self._record, self._outcome, more)

    def _missing(self, late: Mapping[str, pa.ChunkedArray]) -> Iterator[str]:
        """The ids of the cells without a row; all of those that are in the tally and not in ``late`` have one."""
        for configuration in (one for one in self._configurations.values() if one.is_result):
            if configuration.id in self._tally and configuration.id not in late:
                continue
            there = set(late[configuration.id].to_pylist()) if configuration.id in late else set()
            for replicate in range(configuration.settings.attack.replicates):
                yield from (cell.id for cell in configuration.cells(replicate) if cell.id not in there)
