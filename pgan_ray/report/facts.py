"""The sweep's facts: outcome, versions, hardware, data, duration, what was computed and what is missing."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass

from pgan_ray.results import health, mean_metrics, redactor
from pgan_ray.spec import Sweep
from pgan_ray.study.rules import LEAST_GENERATORS
from pgan_ray.study.series import configuration_label
from pgan_ray.study.study import Study
from pgan_ray.text import printable_line

OUTCOMES = {
    "complete": "every cell has its score",
    "partial": "some cells have no score",
    "paused": "stopped early by the file PAUSE",
    "interrupted": "stopped early",
    "failed": "an error ended it",
    "unfinished": "no summary yet: it is running, or was killed",
    "empty": "no results yet",
}
_FACTS = {
    "dataset": "data set",
    "dataset_source": "data source",
    "dataset_digest": "data digest (SHA-256)",
    "cluster": "cluster",
    "cpu": "CPU",
    "gpu": "GPU",
    "started": "started",
    "git_commit": "git commit",
}
_VERSIONS = {"pgan_ray": "pgan-ray", "python": "Python"}
_HIDDEN = ("profile", "tracking_uri", "user")


@dataclass(frozen=True)
class Cost:
    """Hours of actors that one stage used on one kind of device."""

    stage: str
    device: str
    hours: float
    units: str


def outcome(study: Study) -> str:
    """One of `OUTCOMES`, by the summary where there is one; the rows overrule a rosy one."""
    said, found = study.summary.get("outcome"), study.tally.outcome(study.record.sweep)
    if said in OUTCOMES and not (said == "complete" and (found != "complete" or study.missing)):
        return str(said)
    if not study.rows:
        return "empty"
    return "unfinished" if found == "interrupted" or study.missing else str(found)


def fact_rows(study: Study) -> list[tuple[str, str]]:
    """(what, text) of everything that the sweep says of itself."""
    sweep, facts = study.record.sweep, study.record.facts
    rows = [
        ("sweep", study.record.id),
        ("profile", sweep.profile),
        ("size", _size(sweep)),
        (
            "finished",
            f"{len(study.generators)} of {sweep.generators} generators, {study.tally.cells} of {sweep.cells} cells",
        ),
    ]
    devices = sorted(study.tally.devices)
    if devices:
        several = " (bits differ between kinds)" if len(devices) > 1 else ""
        rows.append(("victims computed on", "; ".join(devices) + several))
    odd = {name: count for name, count in study.tally.outcomes.items() if name != "complete"}
    if odd:
        rows.append(("cells without a score", ", ".join(f"{count} {name}" for name, count in sorted(odd.items()))))
    seconds = study.summary.get("seconds")
    if isinstance(seconds, (int, float)):
        rows.append(("duration", f"{clock(seconds)} (wall clock, of the last start)"))
    named = [(title, facts[fact]) for fact, title in _FACTS.items() if facts.get(fact)]
    rest = {fact: text for fact, text in facts.items() if fact not in (*_FACTS, *_HIDDEN)}
    versions = [fact for fact, text in rest.items() if re.fullmatch(r"v?\d[\w.+-]*", text)]
    others = [(fact.replace("_", " "), text) for fact, text in rest.items() if fact not in versions]
    if versions:
        said = ", ".join(f"{_VERSIONS.get(fact, fact.replace('_', '-'))} {rest[fact]}" for fact in versions)
        others.append(("versions", said))
    hidden = redactor()
    return rows + [(title, hidden(text)) for title, text in named + others]


def costs(study: Study) -> list[Cost]:
    """Compute that was used: what the generators' records and the rows say that they took."""
    found: dict[str, list[float]] = defaultdict(list)  # device -> seconds of its generators
    for record in study.generators.values():
        found[record.device].append(record.seconds)
    stages = [
        Cost("stage 1: generators", device, sum(seconds) / 3600, f"{len(seconds)} generators")
        for device, seconds in sorted(found.items())
    ]
    has_gpu = re.search(r"(?<![\d.])0(?:\.0)? GPU", study.record.facts.get("cluster", "")) is None
    device = "as stage 1, or CPU" if has_gpu else "cpu"
    cells = study.tally.cells
    return stages + ([Cost("stage 2: victims", device, study.seconds / 3600, f"{cells} cells")] if cells else [])


def cost_table(study: Study, price_per_actor_hour: float | None) -> tuple[list[str], list[list[str]]] | None:
    """Columns and rows of the `costs`, with their sum; None where nothing was computed."""
    found = costs(study)
    if not found:
        return None
    lines = [(cost.stage, cost.device, cost.units, cost.hours) for cost in found]
    rows = [
        [*words, f"{hours:.3f}", *([] if price_per_actor_hour is None else [f"{hours * price_per_actor_hour:.2f}"])]
        for *words, hours in [*lines, ("all", "", "", sum(cost.hours for cost in found))]
    ]
    return ["stage", "device", "of", "actor hours", *([] if price_per_actor_hour is None else ["cost"])], rows


def doubts(study: Study) -> list[str]:
    """What to keep in mind about the numbers: how many they come of, and what training and clean victims say."""
    found = []
    replicates = sorted({one.settings.attack.replicates for one in study.every_series})
    if replicates:
        count = " to ".join(map(str, dict.fromkeys((replicates[0], replicates[-1]))))
        few = ", too few to show how much generators differ" if replicates[0] < LEAST_GENERATORS else ""
        found.append(
            f"Intervals are over {count} replicates per attack{few}. Another generator may do more or less harm."
        )
    if tested := _tested(study):
        points, source = tested
        found.append(
            f"Victims are judged on {points:,} points, {source:,} of the source class: one of these is "
            f"{100 / source:.2g} % of them. No interval covers what other test points would show."
        )
    labels = {one.configuration: configuration_label(one, study.axes) for one in study.series}
    odd = [*health(study.shown, mean_metrics(study.generators.values())).items()]
    odd += [(name, text) for name, text in study.tally.doubts if name in study.shown.result_ids]
    return found + [study.shown.in_words(f"{labels.get(name, name)}: {text}.") for name, text in odd]


def _tested(study: Study) -> tuple[int, int] | None:
    """How many points victims were judged on, and how many of them are of the source class; None: nobody knows."""
    for one in study.series:
        rows = study.rows.get(one.configuration)
        known = [] if rows is None else rows["confusion"].drop_null()[:1].to_pylist()
        if known:
            source = sum(known[0][one.settings.task.labels.index(one.settings.task.source_class)])
            return (sum(map(sum, known[0])), source) if source else None
    return None


def failures(study: Study) -> list[tuple[str, str]]:
    """(one line, all of it) of everything that went wrong, from the summary, the records and the rows."""
    found: list[tuple[str, str]] = []
    for kind in ("failures", "diverged", "retried"):
        texts = study.summary.get(kind)
        for text in texts if isinstance(texts, list) else []:
            first = str(text).strip().splitlines()[0] if str(text).strip() else "no message"
            found.append((f"{kind.removesuffix('s') if kind == 'failures' else kind}: {first}", str(text)))
    told = "\n".join(text for _, text in found)
    cells_told = frozenset(map(str, study.summary.get("cells_failed") or ()))
    results = study.shown.result_ids
    for (configuration, replicate), record in study.generators.items():
        if configuration not in results:
            continue
        name = f"generator {configuration}/r{replicate}"
        if record.outcome != "complete" and name not in told:
            found.append((f"{record.outcome}: {name}", record.message))
    untold = (row for row in study.unscored() if row["cell_id"] not in cells_told and row["cell_id"] not in told)
    silent = Counter((row["configuration"], row["outcome"]) for row in untold)
    found += [(f"{outcome}: {count} cells of {name}", "") for (name, outcome), count in sorted(silent.items())]
    found += [(f"missing: {count} cells of {name} have no row", "") for name, count in study.missing.items()]
    found += [
        (f"unreadable: {printable_line(name)}: {reason}", "") for name, reason in sorted(study.files.damaged.items())
    ]
    hidden, words = redactor(), study.shown.in_words
    return [(hidden(words(line)), hidden(words(text))) for line, text in found]


def clock(seconds: float) -> str:
    """``1 h 02 min 03 s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min {rest:02d} s"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _size(sweep: Sweep) -> str:
    return f"{len(sweep.configurations)} configurations, {sweep.generators} generators, {sweep.cells} cells"
