"""What a search tried, what it promised, and what came of that afresh."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pgan_ray.figures.charts import Figure, Group, Line, LineFigure, ParallelFigure, PointFigure, PointGroup
from pgan_ray.figures.palette import CATEGORIES, alpha_colour
from pgan_ray.report.curves import half
from pgan_ray.report.tables import Table
from pgan_ray.report.tradeoff import HARM, SEEN
from pgan_ray.results import Trial, best_so_far, estimate_text, read_trials, rule_of, units_text, values_text
from pgan_ray.search import Confirmation, confirmations, front, hypervolumes, importance
from pgan_ray.spec import Dimension, Search, Sweep, TrialKey, is_random
from pgan_ray.study.study import Study

OURS, BY_CHANCE = CATEGORIES[0], CATEGORIES[5]
LETTERS = 18


def search_group(study: Study) -> Group | None:
    """The trials by harm and detectability, the best so far by number, and what was chosen for each."""
    search = study.record.sweep.search
    trials = read_trials(study.files.store, study.record)
    complete = {key: trial for key, trial in trials.items() if trial.state == "complete"}
    if search is None or not complete:
        return None
    confirmed = confirmations(study.record.sweep, trials, study.changes)
    figures: list[Figure] = []
    for contest in _contests(study.record.sweep):
        own = {key: trial for key, trial in complete.items() if key[0] in contest.series}
        if own:
            figures.append(_plane(search, contest, own, [one for one in confirmed if one.trial.key in own]))
            figures.append(course(search, contest, trials))
            figures += _parallel(search, contest, [own[key] for key in own if not is_random(key[0])])
    spec = search.spec
    failed, stopped = (sum(trial.state == state for trial in trials.values()) for state in ("failed", "stopped"))
    others = [f"{number} {what}" for number, what in ((failed, "failed"), (stopped, "stopped early")) if number]
    asked = f"{len(trials)} trials were suggested" + (f", of which {' and '.join(others)}" if others else "")
    what = "most harm at a detectability of at most the dashed line" if spec.goal == "worst_case" else "a Pareto front"
    if spec.against == "each":
        what += ", separately against each variant of the evaluation"
    return Group(
        "The search",
        f"{_method(spec.method)} for {what}: {asked}. Each is judged on points held out of the training split, by "
        f"victims at {100 * search.poison_fraction:g} % poison. Harm is the {HARM[spec.harm]} beyond the control "
        "that leaves the least. These numbers flatter the trials chosen by them. So the large points show the best "
        "trials again, with new generators and victims, on the points that results are judged on, with 95 % intervals "
        "over generators. In the lines from value to value, light trials do the most harm and dark ones the least.",
        tuple(figures),
    )


def search_tables(study: Study) -> list[Table]:
    """What was promised and what was confirmed; what matters."""
    search = study.record.sweep.search
    if search is None:
        return []
    sweep = study.record.sweep
    trials = read_trials(study.files.store, study.record)
    tables = []
    rows = []
    units = units_text(rule_of(sweep))
    for one in confirmations(sweep, trials, study.changes):
        scores = (one.trial.harm, one.again.harm, one.trial.detectability, one.again.detectability)
        found = (estimate_text(score) for score in scores)
        rows.append((_name(sweep, search, one.trial.key), values_text(one.trial), *found))
    if rows:
        harms, seen = ("harm promised", "harm confirmed"), ("detectability promised", "detectability confirmed")
        columns = ("trial", "values", *harms, *seen)
        title = f"The best trials: harm and detectability on held-out points, and confirmed with new seeds, in {units}"
        tables.append(Table("confirmed", title, columns, tuple(rows), left=2))
    if stopped := _stopped_rows(sweep, search, trials):
        of_stopped = ("trial", "values", "stopped at, %", "harm", "detectability")
        title = "Trials that were stopped early, with their last scores by one victim per generator, in " + units
        tables.append(Table("stopped", title, of_stopped, stopped, left=2))
    for contest in _contests(sweep):
        own = [trials[key] for key in sorted(trials) if key[0] in contest.series and not is_random(key[0])]
        if matters := importance(search, own):
            shares = tuple((name, f"{100 * share:.0f}") for name, share in matters.items())
            title = f"How much each value matters to the harm of a trial{contest.against}, in % (PED-ANOVA)"
            tables.append(Table(f"importance{contest.suffix}", title, ("value", "share"), shares))
    return tables


@dataclass(frozen=True)
class Contest:
    """Series of trials that are judged by the same variants, with what stands in titles and in names of figures."""

    series: tuple[str, ...]
    against: str = ""
    suffix: str = ""


def _contests(sweep: Sweep) -> list[Contest]:
    search = sweep.search
    assert search is not None  # its callers look
    if search.spec.against == "all":
        return [Contest(series) for series in search.contests]
    return [
        Contest(series, f" against {sweep.in_words(search.against(series[0]))}", f"_{number}")
        for number, series in enumerate(search.contests, 1)
    ]


def _stopped_rows(sweep: Sweep, search: Search, trials: dict[TrialKey, Trial]) -> tuple[tuple[str, ...], ...]:
    rows = []
    for key, trial in sorted(trials.items(), key=lambda item: (is_random(item[0][0]), item[0])):
        if trial.state == "stopped":
            probe = trial.probes[-1]
            scores = estimate_text(probe.harm), estimate_text(probe.detectability)
            rows.append((_name(sweep, search, key), values_text(trial), f"{100 * probe.share:g}", *scores))
    return tuple(rows)


def _method(method: str) -> str:
    names = {"random": "A random search", "tpe": "A tree-structured Parzen estimator's search"}
    names |= {"gp": "A Gaussian process's search", "nsga2": "A genetic search (NSGA-II)"}
    return names[method]


def _name(sweep: Sweep, search: Search, key: TrialKey) -> str:
    """``7``, ``random 7``, ``7 against defence=slab``."""
    return sweep.in_words(search.trial_text(key)).replace("trial ", "", 1)


def _series_label(search: Search, series: str) -> tuple[str, str]:
    """What a series goes by in a figure of its contest, and its colour."""
    return ("random", BY_CHANCE) if is_random(series) else (search.spec.method, OURS)


def _plane(
    search: Search, contest: Contest, complete: dict[TrialKey, Trial], confirmed: Sequence[Confirmation]
) -> PointFigure:
    spec = search.spec
    groups = []
    for series in contest.series:
        own = [trial for key, trial in complete.items() if key[0] == series]
        label, colour = _series_label(search, series)
        groups.append(_points(label, colour, own, []))
        if spec.goal == "front":
            groups.append(_points(f"{label}: front", colour, front(own), [], marker="D"))
    by_hand = [trial for key, trial in complete.items() if not is_random(key[0]) and key[1] < len(spec.start)]
    if spec.start:
        groups.append(_points("by hand", CATEGORIES[6], by_hand, [], marker="s"))
    again = [one.again for one in confirmed if one.again.state == "complete"]
    if again:
        names = [f"{'random ' if is_random(trial.key[0]) else ''}{trial.key[1]}" for trial in again]
        groups.append(_points("confirmed", CATEGORIES[1], again, names, is_large=True))
    limit = 100 * spec.detectability.at_most if spec.goal == "worst_case" else None
    harm = "harm beyond every control, points"
    title, name = f"Harm and detectability of the trials{contest.against}", f"search_trials{contest.suffix}"
    return PointFigure(name, title, SEEN[spec.detectability.metric], harm, tuple(groups), limit)


def _points(label: str, colour: str, trials: Sequence[Trial], names: Sequence[str], **options: Any) -> PointGroup:
    at = [(100 * trial.point[1], 100 * trial.point[0]) for trial in trials]
    return PointGroup(
        label,
        colour,
        tuple(x for x, _ in at),
        tuple(y for _, y in at),
        tuple(half(trial.detectability) for trial in trials),
        tuple(half(trial.harm) for trial in trials),
        tuple(names),
        **options,
    )


def course(search: Search, contest: Contest, trials: dict[TrialKey, Trial]) -> LineFigure:
    """The best so far, or the area that the front holds, by trial."""
    spec = search.spec
    lines = []
    for series in contest.series:
        own = [trials[key] for key in sorted(trials) if key[0] == series]
        values = best_so_far(spec, own) if spec.goal == "worst_case" else hypervolumes(own)
        known = [(number, 100 * value) for number, value in enumerate(values) if value is not None]
        label, colour = _series_label(search, series)
        x, y = tuple(float(number) for number, _ in known), tuple(value for _, value in known)
        lines.append(Line(label, colour, x, y, (None,) * len(x), marker=""))
    ys = [y for line in lines for y in line.y]
    low, high = min([0.0, *ys]), max([0.0, *ys])
    room = 0.1 * (high - low) or 1.0
    is_front = spec.goal == "front"
    title = "Area dominated by the front, by trial" if is_front else "Harm of the best feasible trial so far"
    title, name = f"{title}{contest.against}", f"search_course{contest.suffix}"
    y_label = "% x %, of a perfect attack" if is_front else "points, on held-out data"
    last = float(max(1, spec.trials - 1))
    drawn = LineFigure(name, title, "trial", y_label, tuple(lines), high + room, x_range=(0.0, last))
    return replace(drawn, holds=True, y_min=low - room if low < 0 else 0.0)


def _parallel(search: Search, contest: Contest, trials: Sequence[Trial]) -> list[Figure]:
    if len(trials) < 2 or len(search.dimensions) < 2:
        return []
    harms = sorted(trial.point[0] for trial in trials)
    low, high = harms[0], harms[-1]
    axes = [(_shortened(one), *_ends(one)) for one in search.dimensions]
    axes.append(("harm", f"{100 * low:.1f}", f"{100 * high:.1f}"))
    lines = []
    for trial in sorted(trials, key=lambda trial: trial.point[0]):
        share = (trial.point[0] - low) / (high - low) if high > low else 0.5
        places = (*(_place(one, trial.values[one.name]) for one in search.dimensions), share)
        lines.append((places, alpha_colour(share)))
    title, name = f"Chosen values and the resulting harm{contest.against}", f"search_values{contest.suffix}"
    return [ParallelFigure(name, title, tuple(axes), tuple(lines))]


def _shortened(one: Dimension) -> str:
    first, *_, last = one.name.split(".") if "." in one.name else (one.name, one.name)
    return one.name if len(one.name) <= LETTERS else f"{first} … {last}"


def _ends(one: Dimension) -> tuple[str, str]:
    first, last = one.values[0], one.values[-1]
    return tuple(f"{end:g}" if isinstance(end, int | float) else str(end)[:LETTERS] for end in (first, last))  # type: ignore[return-value]


def _place(one: Dimension, value: Any) -> float:
    if one.ends is None:
        return one.choices.index(value) / (len(one.choices) - 1)
    low, high = one.ends
    if one.log:
        low, high, value = math.log(low), math.log(high), math.log(value)
    return float((value - low) / (high - low))
