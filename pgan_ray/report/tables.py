"""Tables for people, and the same as CSV for programs: fractions with all their digits."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pgan_ray.figures.charts import Group, HeatFigure
from pgan_ray.report.curves import FILES
from pgan_ray.results import CHANGES, RATES, estimate_text
from pgan_ray.study.paper import STATEMENTS
from pgan_ray.study.rules import here_text, paper_text, unit
from pgan_ray.study.series import per_cent, taken_for
from pgan_ray.study.study import Study
from pgan_ray.study.verdicts import Finding, by_statement, overall


@dataclass(frozen=True)
class Table:
    """A table of texts; the first ``left`` columns are words, the others numbers."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1


def rate_tables(study: Study) -> list[Table]:
    """One table of each rate that the sweep has: series by rows, poison fractions by columns."""
    tasks = {taken_for(one.settings) for one in study.series}
    several = ("Source class taken for poison class", "Poison class taken for source class")
    source, reverse = tasks.pop() if len(tasks) == 1 else several
    titles = {
        "test_error": "Test error in %, by poison fraction",
        "false_positive_rate": f"{source} in %, by poison fraction",
        "false_negative_rate": f"{reverse} in %, by poison fraction",
        "rejected_genuine": "Genuine points that the detectors reject in %, by poison fraction",
        "rejected_poison": "Poisoning points that the detectors reject in %, by poison fraction",
        "rejected_genuine_both": "Genuine points that they would reject with both tails of their scores, in %, by "
        "poison fraction",
        "rejected_poison_both": "Poisoning points that they would reject with both tails of their scores, in %, by "
        "poison fraction",
        "detector_auc": "Area under the detector's ROC curve, poison against genuine points, in % (50: blind; less: "
        "poison looks more ordinary than genuine points)",
        "poison_variance": "The poison's variance, in % of that of genuine points of its class",
    }
    made = [_by_fraction(study, rate, title) for rate, title in titles.items()]
    made = [table for table in made if any(set(row[1:]) != {"-"} for row in table.rows)]
    return [*made, *_changes(study)] if study.changes else made


def _changes(study: Study) -> list[Table]:
    """What each attack does beyond each control, at its largest poison fraction with results."""
    labels = {one.key: (one.label, one.settings.attack.replicates) for one in study.series}
    largest: dict[tuple[str, str], float] = {}
    for change in study.changes:
        key = change.configuration, change.variant
        largest[key] = max(largest.get(key, 0.0), change.poison_fraction)
    rows = []
    for change in study.changes:
        key = change.configuration, change.variant
        if key in labels and change.poison_fraction == largest[key]:
            label, planned = labels[key]
            found = (estimate_text(change.rates[name], planned) for name in CHANGES)
            rows.append((label, change.control, per_cent(change.poison_fraction), *found))
    rates = ("test error", "source taken for poison class", "the reverse", "specificity")
    columns = ("series", "control", "poison", *rates)
    title = "Beyond the controls, in points, at the largest poison fraction"
    return [Table("beyond_controls", title, columns, tuple(rows), left=2)] if rows else []


def _by_fraction(study: Study, rate: str, title: str) -> Table:
    fractions = sorted({fraction for one in study.series for fraction in one.fractions})
    rows = []
    for one in study.every_series:
        curve = study.curve(one, rate)
        rows.append((one.label, *(estimate_text(curve.get(f), one.settings.attack.replicates) for f in fractions)))
    return Table(FILES.get(rate, rate), title, ("series", *map(per_cent, fractions)), tuple(rows))


def points_csv(study: Study) -> bytes:
    """Every point of every curve, one row for each rate."""
    head = (
        "configuration",
        "variant",
        "label",
        "poison_fraction",
        "rate",
        "mean",
        "low",
        "high",
        "generators",
        "cells",
    )
    rows = (
        (*one.key, one.label, fraction, rate, found.mean, *(found.ends or ("", "")), found.replicates, found.cells)
        for one in study.every_series
        for fraction, point in sorted(study.points.get(one.key, {}).items())
        for rate in RATES
        if (found := point.rates.get(rate)) is not None
    )  # one at a time: there may be millions
    return to_csv(head, rows)


def paper_csv(found: Sequence[Finding]) -> bytes:
    """The table paper / here."""
    head = ("place", "statement", "measured", "about", "paper", "here", "low", "high", "unit", "generators")
    rows: list[tuple[Any, ...]] = []
    for one in found:
        factor, what = unit(one.statement)
        numbers: tuple[Any, ...] = ("", "", "", what, "")
        if one.found is not None:
            ends = tuple(end * factor for end in one.found.ends or ())
            numbers = (one.found.mean * factor, *(ends or ("", "")), what, one.found.replicates)
        statement = one.statement
        words = (statement.place, statement.says, statement.measure, one.subject, paper_text(statement))
        rows.append((*words, *numbers, one.verdict, one.reason))
    return to_csv((*head, "verdict", "reason"), rows)


def confusion_csvs(groups: Iterable[Group]) -> dict[str, bytes]:
    """The numbers of every heat map, by file name."""
    return {
        f"{figure.name}.csv": to_csv(
            ("true class", *figure.labels),
            [(label, *map(float, row)) for label, row in zip(figure.labels, figure.values, strict=True)],
        )
        for group in groups
        for figure in group.figures
        if isinstance(figure, HeatFigure)
    }


def to_csv(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """UTF-8, comma separated."""
    content = io.BytesIO()  # encoded as it comes: one text of millions of rows takes five times the room
    text = io.TextIOWrapper(content, "utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    text.flush()
    return content.getvalue()


def verdict_rows(found: Mapping[str, Sequence[Finding]]) -> list[dict[str, Any]]:
    """For the page: one entry for each statement that sweeps speak to, with all their findings, by their letters.

    ``verdicts``: those of each sweep, where it has several findings or there are several sweeps.
    """
    entries: dict[int, dict[str, Any]] = {}
    for letter, findings in found.items():
        for statement, members in by_statement(findings):
            fresh = {"statement": statement, "paper": paper_text(statement), "verdicts": [], "found": []}
            entry = entries.setdefault(STATEMENTS.index(statement) if statement in STATEMENTS else id(statement), fresh)
            if letter or len(members) > 1:
                entry["verdicts"].append((letter, overall(members)))
            entry["found"] += [
                {"sweep": letter, "finding": one, "here": here_text(statement, one.found)} for one in members
            ]
    return [entries[key] for key in (sorted(entries) if len(found) > 1 else entries)]
