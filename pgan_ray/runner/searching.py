"""Running a search: waves of trials, each asked for by what came of those before; then the best of them afresh."""

import math
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pgan_ray.data import Dataset
from pgan_ray.errors import SpecError
from pgan_ray.results import (
    Confirmed,
    Directory,
    Outcome,
    Probe,
    Store,
    Trial,
    budget_text,
    changes,
    counts,
    estimate_text,
    is_area,
    is_paused,
    known_of,
    read_confirmed,
    read_trials,
    redact,
    remove_checkpoints,
    rule_of,
    rung_folder,
    scores_of,
    values_text,
    write_confirmed,
    write_trial,
)
from pgan_ray.runner.cut import Stage2Cut, trials
from pgan_ray.runner.driver import SweepRun
from pgan_ray.runner.executor import Executor
from pgan_ray.runner.outcome import SweepOutcome, write_summary
from pgan_ray.runner.progress import ProgressDisplay, Whole
from pgan_ray.runner.words import gist
from pgan_ray.runner.worker import Engine
from pgan_ray.search import best, front, going_on, make_sampler, score, to_confirm
from pgan_ray.spec import Configuration, KnownTrials, SweepRecord, TrialKey, trial_id, with_known

if TYPE_CHECKING:
    # A type only: this module is imported on workers too, which have no business with MLflow.
    from pgan_ray.tracking import Tracker


class SearchRun:
    """One run of a search, of what is not finished of it yet."""

    def __init__(
        self,
        record: SweepRecord,
        store: Store,
        datasets: dict[str, Dataset],
        executors: Callable[[], Executor],
        tracker: "Tracker",
        progress: ProgressDisplay,
        *,
        members: tuple[int, int],
        engine: Engine | None = None,
    ) -> None:
        """As `SweepRun`, but for ``executors``: it gives a new one for each wave."""
        assert record.sweep.search is not None  # its callers look
        self._search, self._spec = record.sweep.search, record.sweep.search.spec
        self._record, self._store, self._datasets = record, store, datasets
        self._executors, self._tracker, self._progress = executors, tracker, progress
        self._members, self._engine = members, engine
        self._trials = read_trials(store, record)
        self._scores: dict[str, pa.Table] = {}  # of the controls
        self._earlier = SweepOutcome()  # what was told of the waves so far
        self._last_cost: tuple[object, float] | None = None
        self._whole = Whole(record.sweep.generators, record.sweep.cells)

    def run(self) -> SweepOutcome:
        """Run to the end, a pause, an interrupt (`KeyboardInterrupt`) or an error, which are told in the outcome."""
        try:
            outcome = self._waves() or self._confirm()
        except KeyboardInterrupt:
            outcome = self._stopped("interrupted", "stopping: what is finished is kept")
        except Exception as error:
            outcome = SweepOutcome("failed", failures=[f"the search failed:\n{redact(traceback.format_exc())}"])
            self._progress.notice(f"the search failed ({type(error).__name__}): {redact(str(error))}")
            self._ended(outcome)
        return outcome

    def _waves(self) -> SweepOutcome | None:
        """All trials; what came of it, if it ended before they did."""
        self._tracker.sweep_started()
        self._tell_of_other_samplers()
        spec = self._spec
        for first in range(0, spec.trials, spec.parallel):
            numbers = range(first, min(first + spec.parallel, spec.trials))
            keys = [(series, number) for number in numbers for series in self._search.series]
            if all(key in self._trials and self._trials[key].state != "running" for key in keys):
                continue
            if is_paused(self._store):
                return self._stopped(
                    "paused", f"paused by the file PAUSE before trial {first}: delete that file, then resume"
                )
            self._ask(keys)
            outcome = self._wave([key for key in keys if self._trials[key].state == "running"])
            if outcome is not None:
                return outcome
            self._tell_of(numbers)
        if is_paused(self._store):
            notice = "paused by the file PAUSE before the best are confirmed: delete that file, then resume"
            return self._stopped("paused", notice)
        return None

    def _tell_of_other_samplers(self) -> None:
        """Another version of the library may ask for other trials than the one that asked for those before."""
        before, now = {trial.method for trial in self._trials.values()}, make_sampler(self._search, self._seed).library
        if before - {now}:
            self._progress.notice(
                f"trials so far were suggested by {', '.join(sorted(before))}, later ones will be by {now}"
            )

    def _ask(self, keys: Sequence[TrialKey]) -> None:
        """Have a file of each trial of a wave before any of them starts."""
        unasked = [key for key in keys if key not in self._trials]
        if not unasked:
            return
        sampler = make_sampler(self._search, self._seed)
        for key in unasked:
            before = [self._trials[key[0], number] for number in range(key[1])]
            asked = sampler.ask(key, before)
            trial = Trial(key, asked.values, memory=asked.memory, method=sampler.library)
            try:
                self._search.trial(key, asked.values)
            except SpecError as error:
                trial = replace(trial, state="invalid", message=str(error))
            self._put(trial)

    @property
    def _seed(self) -> int:
        return self._search.base.settings.seed

    def _put(self, trial: Trial) -> None:
        write_trial(self._store, self._record, trial)
        self._trials[trial.key] = trial

    def _known(self) -> KnownTrials:
        return known_of(self._trials, read_confirmed(self._store, self._record))

    def _wave(self, keys: Sequence[TrialKey]) -> SweepOutcome | None:
        """Train and judge the trials of ``keys``; what came of it, if that ends the search."""
        if not keys:
            return None
        self._tracker.sweep_extended(with_known(self._record.sweep, self._known()))
        rungs = self._spec.rungs if self._spec.stops_early else []
        for index, rung in enumerate([*rungs, None]):
            going = [key for key in keys if self._trials[key].state == "running"]
            part = going if rung is None else [key for key in going if len(self._trials[key].probes) == index]
            outcome = self._part(part, rung, rungs[index - 1] if index else 0.0)
            if outcome is not None:
                return outcome
            if rung is not None:
                self._stop_the_others(index, keys)
        for key in keys:
            remove_checkpoints(self._store, rung_folder(trial_id(key)))  # it does not go on from them any more
        return None

    def _part(self, keys: Sequence[TrialKey], rung: float | None, trained_share: float) -> SweepOutcome | None:
        """Train the trials of ``keys`` to the ``rung``, or to their end, and judge them; as `_wave`."""
        if not keys:
            return None
        wave = self._search.wave({key: self._trials[key].values for key in keys})
        record = self._record.knowing(replace(self._record.sweep, configurations=wave))
        outcome = self._run(record, whole=self._so_far(wave), is_part=True, rung=rung, trained_share=trained_share)
        if outcome.outcome != "complete":
            return outcome
        directory = Directory(self._store, record, strict=True)
        if lacking := self._controls_without_score(directory, wave):
            # Beside fewer controls, or other cells of them, a trial would score otherwise than its like.
            outcome.failures.append(f"trials cannot be judged: cells of {', '.join(lacking)} have no score")
            outcome.outcome = "failed"
        judged = self._scored(directory, wave, keys) if rung is None else self._probed(directory, wave, keys, rung)
        if outcome.failures and not any(map(_has_worked, (*judged, *self._trials.values()))):
            outcome.outcome = "failed"  # not what they were asked to do is at fault, or none of it can be done
        if outcome.outcome == "failed":
            return self._ended(outcome)
        for trial in judged:
            self._put(trial)
        for name in ("failures", "diverged", "retried"):
            getattr(self._earlier, name).extend(getattr(outcome, name))
        return None

    def _probed(
        self, directory: Directory, wave: Sequence[Configuration], keys: Sequence[TrialKey], rung: float
    ) -> list[Trial]:
        """The trials of ``keys`` with what their probes say; failed, where a generator diverged or was lost."""
        rows = {key: directory.probe(trial_id(key), rung) for key in keys}
        scores = {trial_id(key): scores_of(table) for key, table in rows.items()}
        probed = []
        for key, found in zip(keys, self._judged(directory, wave, keys, scores), strict=True):
            trial = self._trials[key]
            replicates = range(self._search.base.settings.attack.replicates)
            ended = {r: record for r in replicates if (record := directory.generator(trial_id(key), r))}
            outcomes = [*rows[key]["outcome"].to_pylist(), *(record.outcome for record in ended.values())]
            if not {*ended, *rows[key]["replicate"].to_pylist()}.issuperset(replicates) or "diverged" in outcomes:
                message = f"not every replicate has a generator after {100 * rung:g} % of the training"
                probed.append(self._explained(directory, replace(trial, state="failed", message=message)))
            else:
                probe = Probe(rung, found.harm, found.detectability)
                probed.append(replace(trial, probes=(*trial.probes, probe)))
        return probed

    def _stop_the_others(self, rung: int, keys: Sequence[TrialKey]) -> None:
        """Stop the trials of ``keys``, which are of one wave, that do not go on at the ``rung``, the index of one."""
        number, parallel = keys[0][1], self._spec.parallel
        end = number - number % parallel + parallel
        for series in self._search.series:
            so_far = [trial for key, trial in self._trials.items() if key[0] == series and key[1] < end]
            stay = going_on(self._spec, rung, so_far)
            for trial in so_far:
                if trial.state == "running" and len(trial.probes) == rung + 1 and trial.key not in stay:
                    self._put(replace(trial, state="stopped"))

    def _controls_without_score(self, directory: Directory, wave: Sequence[Configuration]) -> list[str]:
        lacking = []
        for one in wave:
            if one.is_control and one.id not in self._scores:
                self._scores[one.id] = scores_of(directory.rows(one.id))
            if one.is_control and self._scores[one.id].num_rows < one.cell_count:
                self._scores.pop(one.id)  # it may have more when the search is resumed
                lacking.append(one.id)
        return lacking

    def _scored(self, directory: Directory, wave: Sequence[Configuration], keys: Sequence[TrialKey]) -> list[Trial]:
        own = {trial_id(key): scores_of(directory.rows(trial_id(key))) for key in keys}
        scored = self._judged(directory, wave, keys, own)
        return [one if one.state == "complete" else self._explained(directory, one) for one in scored]

    def _judged(
        self,
        directory: Directory,
        wave: Sequence[Configuration],
        keys: Sequence[TrialKey],
        scores: Mapping[str, pa.Table],
    ) -> list[Trial]:
        """The trials of ``keys`` with what their ``scores``, by their ids, come to beside the controls'."""
        by_id = {one.id: one for one in wave}
        found = changes(directory.record.sweep, self._scores | dict(scores))
        return [score(self._search, self._trials[key], by_id[trial_id(key)], found) for key in keys]

    def _explained(self, directory: Directory, trial: Trial) -> Trial:
        """A failed ``trial`` with what its records and rows say of it."""
        name = trial_id(trial.key)
        records = [directory.generator(name, r) for r in range(self._search.base.settings.attack.replicates)]
        said = [f"a generator {record.outcome}: {record.message}" for record in records if record and record.message]
        said += [message for message in directory.rows(name)["message"].to_pylist() if message]
        return replace(trial, message="; ".join([trial.message, *(gist(text) for text in said[:1])]))

    def _so_far(self, wave: Sequence[Configuration]) -> Whole:
        """How far the search is, for the display."""
        planned = with_known(self._record.sweep, self._known())
        now = {one.id for one in wave if not one.is_control or one.id not in self._scores}
        done: list[Configuration] = []
        later: list[Configuration] = []
        for one in planned.configurations:
            if one.id not in now:
                is_done = (one.is_control and one.id in self._scores) or self._is_done(one)
                (done if is_done else later).append(one)
        return replace(
            self._whole,
            generators=planned.generators,
            victims=planned.cells,
            generators_done=sum(one.generators for one in done),
            victims_done=sum(one.cell_count for one in done),
            later=math.fsum(map(self._cost, later)),
        )

    def _is_done(self, one: Configuration) -> bool:
        trial = None if one.is_result or one.trial is None else self._trials.get(one.trial)
        return trial is not None and trial.state != "running"

    def _cost(self, one: Configuration) -> float:
        """By assumed rates; places for trials that nobody knows yet are all alike."""
        key = one.settings, tuple(one.variants)
        if self._last_cost is None or self._last_cost[0] != key:
            sweep = replace(self._record.sweep, configurations=(one,))
            training = math.fsum(trial.cost for trial in trials(sweep, self._members[0]))
            self._last_cost = key, training + Stage2Cut(sweep, self._members[1]).cost
        return self._last_cost[1]

    def _tell_of(self, numbers: Sequence[int]) -> None:
        upto, rule = numbers[-1], rule_of(self._record.sweep)
        for series in self._search.series:
            own = [self._trials[series, number] for number in range(upto + 1)]
            found = best(self._spec, own)
            if self._spec.goal == "front":
                what = f"{len(front(own))} of them are on the front"
            elif found is None:
                what = f"no trial yet has a detectability of at most {budget_text(rule)}"
            else:
                what = f"the best is {scores_text(found, rule)}"
            method = self._record.sweep.in_words(self._search.method_text(series))
            stopped = sum(trial.state == "stopped" for trial in own)
            early = f", {stopped} of them stopped early" if stopped else ""
            self._progress.notice(f"{method}: {upto + 1} of {self._spec.trials} trials{early}; {what}")

    def _confirm(self) -> SweepOutcome:
        """Evaluate the best trials afresh, and tell what all of it came to."""
        before = read_confirmed(self._store, self._record)
        if before is None or before.among < self._spec.trials:
            chosen: list[TrialKey] = []
            for series in self._search.series:
                own = [self._trials[series, number] for number in range(self._spec.trials)]
                chosen += [trial.key for trial in to_confirm(self._spec, own)]
            # What was confirmed before the search was extended stays a result.
            chosen += [key for key in (before.keys if before else []) if key not in chosen]
            if not chosen:
                nothing = "no trial has a score, so there is nothing to confirm"
                return self._ended(SweepOutcome("failed", failures=[nothing]))
            write_confirmed(self._store, self._record, Confirmed(chosen, self._spec.trials))
        sweep = with_known(self._record.sweep, self._known())
        self._tracker.sweep_extended(sweep)
        record = self._record.knowing(sweep)
        settled = [one for one in sweep.configurations if not one.is_result]
        whole = replace(
            self._whole,
            generators=sweep.generators,
            victims=sweep.cells,
            generators_done=sum(one.generators for one in settled),
            victims_done=sum(one.cell_count for one in settled),
        )
        settled_ids = frozenset(one.id for one in settled)
        earlier = replace(self._earlier, trials=counts(self._trials.values()))
        return self._run(record, whole=whole, settled=settled_ids, earlier=earlier)

    def _run(self, record: SweepRecord, **options: Any) -> SweepOutcome:
        return SweepRun(
            record,
            self._store,
            self._datasets,
            self._executors(),
            self._tracker,
            self._progress,
            members=self._members,
            engine=self._engine,
            **options,
        ).run()

    def _stopped(self, outcome: Outcome, notice: str) -> SweepOutcome:
        self._progress.notice(notice)
        return self._ended(SweepOutcome(outcome))

    def _ended(self, outcome: SweepOutcome) -> SweepOutcome:
        """Write down and tell an end that no run of a part or of the whole tells."""
        outcome.seconds = self._whole.state().elapsed_s
        for name in ("failures", "diverged", "retried"):
            setattr(outcome, name, [*getattr(self._earlier, name), *getattr(outcome, name)])
        outcome.trials = counts(self._trials.values())
        self._tracker.sweep_finished(outcome.outcome)
        with suppress(OSError):  # the store may be what failed
            write_summary(self._store, self._record, outcome)
        return outcome


def _has_worked(trial: Trial) -> bool:
    """Whether anything came of it that was scored."""
    return trial.state == "complete" or any(probe.harm is not None for probe in trial.probes)


def scores_text(trial: Trial, rule: Mapping[str, Any]) -> str:
    """``7 (alpha 0.1): harm 12.3 ± 2.0 points, detectability 0.4 ± 0.1 points``; ``AUC 55.0 ± 2.1 %`` by that."""
    harm, seen = estimate_text(trial.harm), estimate_text(trial.detectability)
    detectability = f"AUC {seen} %" if is_area(rule) else f"detectability {seen} points"
    return f"{trial.key[1]} ({values_text(trial)}): harm {harm} points, {detectability}"
