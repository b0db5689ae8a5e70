"""The evidence behind the READMEs: what is kept of the sweeps that they speak of, and their tables, made from the rows.

``python -m infra.docs.results keep DIR [NAME]`` puts what is needed of a finished sweep under ``sweeps/results``: a
directory of a sweep again, which `pgan-ray report` and `open_sweep` read, without poison, samples and weights.
``python -m infra.docs.results README.md sweeps/README.md`` brings the tables between their markers up to date.
"""

import re
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml

from pgan_ray.report.facts import costs
from pgan_ray.report.search import search_tables
from pgan_ray.results import CHANGES, Estimate, Store, answer, estimate, estimate_text, worst_rows
from pgan_ray.runner.progress import clock
from pgan_ray.study.series import configuration_label, per_cent
from pgan_ray.study.study import Study, load_study
from pgan_ray.study.verdicts import by_statement, findings, overall

KEPT = Path(__file__).parents[2] / "sweeps" / "results"
PATTERNS = (
    *("summary.json", "search/**/*.json", "victims/**/*.parquet"),
    *("generators/*/r*/record.json", "generators/*/r*/training.parquet"),
)
_BLOCK = re.compile(r"(<!-- results:(\S+) (\S+) -->\n).*?(<!-- results:end -->)", re.DOTALL)


def keep(directory: Path, name: str = "") -> Path:
    """Copy what is kept of the sweep in ``directory``; its record names no path of the machine that ran it.

    ``name``: that of its folder, if not the sweep's and its profile's.
    """
    record = yaml.safe_load((directory / "sweep.yaml").read_text(encoding="utf-8"))
    facts = record["resolved"]["facts"]
    facts["dataset_source"] = Path(facts["dataset_source"]).name
    facts.pop("tracking_uri", None)
    target = KEPT / (name or f"{record['name']}-{record['resolved']['profile']}")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    text = yaml.safe_dump(record, sort_keys=False, allow_unicode=True)
    (target / "sweep.yaml").write_text(text, encoding="utf-8")
    for file in (file for pattern in PATTERNS for file in sorted(directory.glob(pattern))):
        copy = target / file.relative_to(directory)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    return target


def answer_first(study: Study) -> Iterable[str]:
    """The answer, as a sweep's end and its report have it."""
    sweep = study.record.sweep
    yield "> " + answer(sweep, study.tally.points, study.changes, study.by_defence)


def errors(study: Study) -> Iterable[str]:
    """Test error by poison fraction."""
    fractions = sorted({fraction for one in study.every_series for fraction in one.fractions})
    yield from _head("test error, %", [f"{per_cent(f)} poison" for f in fractions])
    for one in study.every_series:
        curve = study.curve(one, "test_error")
        yield _row(one.label, (estimate_text(curve.get(f), one.settings.attack.replicates) for f in fractions))


def effects(study: Study) -> Iterable[str]:
    """At the largest poison fraction, in points: what victims err beyond those of each control."""
    columns = ("beyond", "error", "source as poison class", "the reverse", "specificity")
    yield from _head("at the largest poison fraction, points", columns)
    for one in study.series:
        for change in study.changes:
            if (change.configuration, change.variant) == one.key and change.poison_fraction == one.fractions[-1]:
                rates = (estimate_text(change.rates[name], one.settings.attack.replicates) for name in CHANGES)
                yield _row(one.label, (f"`{change.control}`", *rates))


def factors(study: Study) -> Iterable[str]:
    """What each grid changes by itself, averaged over the other grids and paired by generator, with its interval.

    At the largest poison fraction, in points, of each value beside the first; for sweeps that cross their grids.
    """
    largest = study.series[0].fractions[-1]
    rates = ("test_error", "false_positive_rate")
    yield from _head(f"at {per_cent(largest)} poison, points", ("instead of", "error", "source as poison class"))
    for axis in study.axes:
        first, *others = axis.values
        for other in others:
            changes = [_change(study, axis.path, (first, other), largest, rate) for rate in rates]
            named = (axis.names[axis.values.index(value)] for value in (other, first))
            name, beside = (f"{axis.name} {value}".replace("_", " ") for value in named)
            yield _row(name, (beside, *(estimate_text(change, change.replicates) for change in changes)))


def _change(study: Study, path: tuple[str, ...], values: tuple[Any, Any], fraction: float, rate: str) -> Estimate:
    """Of ``rate``, from the first of an axis's ``values`` to the second, replicate by replicate."""
    found: list[dict[int, list[float]]] = []
    for value in values:
        by_replicate: dict[int, list[float]] = defaultdict(list)
        for one in (one for one in study.series if one.choices[path] == value):
            for (replicate, _), number in study.values(one, fraction, rate).items():
                by_replicate[replicate].append(number)
        found.append(by_replicate)
    less, more = found
    return estimate(
        [[fmean(more[replicate]) - fmean(less[replicate])] for replicate in sorted(less.keys() & more.keys())]
    )


def detection(study: Study) -> Iterable[str]:
    """At the largest poison fraction: what the detector sees, and what it would see in both tails."""
    names = ("rejected_genuine", "rejected_poison", "rejected_genuine_both", "rejected_poison_both", "detector_auc")
    columns = ("genuine rejected", "poison rejected", "genuine, both tails", "poison, both tails", "AUC")
    yield from _head("at the largest poison fraction, %", (*columns, "variance"))
    for one in study.series:
        found = (study.curve(one, name).get(one.fractions[-1]) for name in (*names, "poison_variance"))
        yield _row(one.label, (estimate_text(value, one.settings.attack.replicates) for value in found))


def field(study: Study) -> Iterable[str]:
    """Test error of the first kind of victim at the largest poison fraction, attack by defence; and without poison."""
    first = study.series[0].settings.evaluation.victim.name
    shown = [one for one in study.every_series if one.settings.evaluation.victim.name == first]
    names = list(dict.fromkeys(one.settings.evaluation.defence_name or "none" for one in shown))
    largest = per_cent(shown[0].fractions[-1])
    yield from _head(f"{first}, {largest} poison: test error, %", (name.replace("_", " ") for name in names))
    axes = [axis for axis in study.axes if axis.path[0] == "attack"]
    clean: dict[str, str] = {}
    for configuration in dict.fromkeys(one.configuration for one in shown):
        cells = dict.fromkeys(names, "")
        members = [one for one in shown if one.configuration == configuration]
        for one in members:
            curve, planned = study.curve(one, "test_error"), one.settings.attack.replicates
            name = one.settings.evaluation.defence_name or "none"
            cells[name] = estimate_text(curve.get(one.fractions[-1]), planned)
            clean.setdefault(name, estimate_text(curve.get(0.0), planned))
        yield _row(configuration_label(members[0], axes), cells.values())
    yield _row("no poison", (clean[name] for name in names))


def worst(study: Study) -> Iterable[str]:
    """What the worst attack does behind each defence, by test error in per cent."""
    (first, *columns), rows = worst_rows(study.record.sweep, study.by_defence)
    yield from _head(first, columns)
    for name, *cells in rows:
        yield _row(name, cells)


def verdicts(study: Study) -> Iterable[str]:
    """The paper's statements, each once."""
    yield from _head("the paper", ["verdict"])
    for statement, found in by_statement(findings(study)):
        yield _row(statement.says, [overall(found)])


def promises(study: Study) -> Iterable[str]:
    """Of a search: what its best trials had promised, and what they do afresh."""
    for table in search_tables(study):
        if table.name == "confirmed":
            yield from _head(table.columns[0], table.columns[1:])
            for first, *others in table.rows:
                yield _row(first, (cell.replace("_", r"\_") for cell in others))


def machine(study: Study) -> Iterable[str]:
    """Where and when, in a sentence."""
    facts, sweep = study.record.facts, study.record.sweep
    # The trainings' own times, however often the sweep was interrupted.
    worked = 3600 * sum(cost.hours for cost in costs(study))
    devices = ", ".join(sorted(study.tally.devices)) or facts["cpu"]
    yield (
        f"`{sweep.name}`, profile `{sweep.profile}`: {sweep.generators} generators, {sweep.cells} victims, "
        f"{clock(worked)} of trainings on {devices}, torch {facts['torch']}, "
        f"{facts['started'][:10]}, commit {facts.get('git_commit', 'unknown')[:9]}."
    )


TABLES: dict[str, Callable[[Study], Iterable[str]]] = {
    "answer": answer_first,
    **{
        table.__name__: table
        for table in (errors, effects, factors, detection, field, worst, promises, verdicts, machine)
    },
}


def update(text: str) -> str:
    """``text`` with what stands between ``<!-- results:SWEEP TABLE -->`` and its end made anew from the kept rows."""

    def block(match: re.Match[str]) -> str:
        begin, sweep, table, end = match.groups()
        return begin + "\n".join(TABLES[table](load_study(Store(KEPT / sweep)))) + "\n" + end

    return _BLOCK.sub(block, text)


def _head(first: str, columns: Iterable[str]) -> list[str]:
    row = _row(first, columns)
    return [row, re.sub(r"[^|]+", " --- ", row)]


def _row(first: str, cells: Iterable[str]) -> str:
    return f"| {' | '.join([first, *cells])} |"


def main(arguments: list[str]) -> None:
    """``keep DIR [NAME]``, or files to bring up to date."""
    if arguments[:1] == ["keep"]:
        sys.stdout.write(f"{keep(Path(arguments[1]), *arguments[2:])}\n")
        return
    for name in arguments:
        file = Path(name)
        file.write_text(update(file.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
