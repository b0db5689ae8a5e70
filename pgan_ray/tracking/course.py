"""The course of a search: on the sweep's run the scores of each trial and the best so far; on a trial's run its probes.

Metrics of the sweep's run have the trial's number as their step, probes the per cent of the training.
"""

from dataclasses import dataclass, field

from pgan_ray.results import Trial, best_so_far, settled_trials
from pgan_ray.spec import trial_id
from pgan_ray.tracking.context import Context


@dataclass
class Course:
    """How far it was told: by series the number of the next trial, and the best of those before it."""

    told: dict[str, tuple[int, float | None]] = field(default_factory=dict)

    def log(self, context: Context) -> None:
        """Log what was settled since it was last called, up to a trial that is running. A grid has nothing."""
        search = context.record.sweep.search
        if search is None:
            return
        told, points = dict(self.told), list[tuple[str, float, int, int]]()
        now = context.now()
        for series in search.series:
            first, best = told.get(series, (0, None))
            trials = list(settled_trials(context.directory.store, context.record, series, first))
            bests = best_so_far(search.spec, trials, best)
            for trial, most in zip(trials, bests, strict=True):
                points += _of_sweep(trial, most, now)
                _log_trial(context, trial)
            told[series] = first + len(trials), bests[-1] if bests else best
        run = context.sweep()
        if not self.told:  # an earlier process may have told some
            names = {name for name, *_ in points}
            there = {(name, step) for name in names for step, _ in context.runs.measured(run, name)}
            points = [point for point in points if (point[0], point[3]) not in there]
        context.runs.measure(run, points)
        self.told = told


def _of_sweep(trial: Trial, best: float | None, now: int) -> list[tuple[str, float, int, int]]:
    series, number = trial.key
    found = {name: score.mean for name in ("harm", "detectability") if (score := getattr(trial, name)) is not None}
    found |= {"best": best} if best is not None else {}
    return [(f"search/{series}/{name}", value, now, number) for name, value in found.items()]


def _log_trial(context: Context, trial: Trial) -> None:
    """What a trial's own run says of it besides its curves. One that was stopped has none, and ends here."""
    id_ = trial_id(trial.key)
    is_stopped = trial.state == "stopped"
    if id_ not in context.configurations or not (is_stopped or context.runs.find(context.key(id_))):
        return
    run = context.configuration(id_)
    # At the run's own start: the same, whenever they are brought.
    context.runs.measure(
        run,
        [
            (f"probe/{name}", score.mean, run.start_ms, round(100 * probe.share))
            for probe in trial.probes
            for name in ("harm", "detectability")
            if (score := getattr(probe, name)) is not None
        ],
    )
    context.runs.describe(run, {}, {"pgan.state": trial.state})
    if is_stopped:
        for key in [key for key in context.runs.running() if key.startswith(f"{context.key(id_)}/")]:
            context.runs.end(key, "KILLED", context.now())
        context.runs.end(context.key(id_), "KILLED", context.now())
