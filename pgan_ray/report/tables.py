"""Tables for people, and the same as CSV for programs: fractions with all their digits."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pgan_ray.report.charts import Group, HeatFigure
from pgan_ray.report.series import Series, per_cent, taken_for
from pgan_ray.report.study import Study
from pgan_ray.report.verdicts import Finding, here_text, paper_text, unit
from pgan_ray.results import RATES, Estimate, estimate_text


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
        "test_error": ("error", "Test error in %, by poison fraction"),
        "false_positive_rate": ("source_as_poison", f"{source} in %, by poison fraction"),
        "false_negative_rate": ("poison_as_source", f"{reverse} in %, by poison fraction"),
        "rejected_genuine": ("rejected_genuine", "Genuine points that the detectors reject in %, by poison fraction"),
        "rejected_poison": ("rejected_poison", "Poisoning points that the detectors reject in %, by poison fraction"),
    }
    made = [_by_fraction(study, rate, name, title) for rate, (name, title) in titles.items()]
    return [table for table in made if any(set(row[1:]) != {"-"} for row in table.rows)]


def _by_fraction(study: Study, rate: str, name: str, title: str) -> Table:
    fractions = sorted({fraction for one in study.series for fraction in one.fractions})
    rows = []
    for one in study.series:
        curve = study.curve(one, rate)
        rows.append((one.label, *(estimate_text(curve.get(f), one.settings.attack.replicates) for f in fractions)))
    return Table(name, title, ("series", *map(per_cent, fractions)), tuple(rows))


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
    rows: list[tuple[Any, ...]] = []
    for one in study.series:
        for fraction, point in sorted(study.points.get(one.key, {}).items()):
            for rate in RATES:
                if rate in point.rates:
                    found = point.rates[rate]
                    rows.append(
                        (*_names(one), fraction, rate, found.mean, *_ends(found), found.replicates, found.cells)
                    )
    return to_csv(head, rows)


def paper_csv(found: Sequence[Finding]) -> bytes:
    """The table paper / here."""
    head = (
        "place",
        "statement",
        "measured",
        "about",
        "paper",
        "here",
        "low",
        "high",
        "unit",
        "generators",
        "verdict",
        "reason",
    )
    rows: list[tuple[Any, ...]] = []
    for one in found:
        factor, what = unit(one.statement)
        numbers: tuple[Any, ...] = ("", "", "", what, "")
        if one.found is not None:
            ends = ("" if end == "" else end * factor for end in _ends(one.found))
            numbers = (one.found.mean * factor, *ends, what, one.found.replicates)
        statement = one.statement
        words = (statement.place, statement.says, statement.measure, one.subject, paper_text(statement))
        rows.append((*words, *numbers, one.verdict, one.reason))
    return to_csv(head, rows)


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
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return buffer.getvalue().encode()


def verdict_rows(found: Sequence[Finding]) -> list[dict[str, Any]]:
    """For the page: one entry for each statement, with all its findings."""
    entries: list[dict[str, Any]] = []
    for one in found:
        if not entries or entries[-1]["statement"] is not one.statement:
            entries.append({"statement": one.statement, "paper": paper_text(one.statement), "found": []})
        entries[-1]["found"].append({"finding": one, "here": here_text(one.statement, one.found)})
    return entries


def _names(one: Series) -> tuple[str, str, str]:
    return one.configuration, one.variant, one.label


def _ends(found: Estimate) -> tuple[Any, Any]:
    if found.half_width is None:
        return "", ""
    return found.mean - found.half_width, found.mean + found.half_width
