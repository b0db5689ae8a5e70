"""The page on several sweeps: their figures over each other, their differences, claims and settings."""

from collections.abc import Iterator, Sequence
from typing import Any

from pgan_ray.figures import palette
from pgan_ray.figures.charts import Group, LineFigure
from pgan_ray.report import facts
from pgan_ray.report.curves import (
    FILES,
    INTERVALS,
    MAX_PANELS,
    POISON_AXIS,
    drawn_first,
    headed,
    line,
    rate_titles,
    same_top,
)
from pgan_ray.report.page import DrawnGroup, contents, render
from pgan_ray.report.tables import Table, to_csv, verdict_rows
from pgan_ray.report.tradeoff import attack_points, ranked_attacks, tradeoff
from pgan_ray.results import NONE, SCORES, Estimate, answer, estimate_text
from pgan_ray.study.compare import Comparison, Match, Measure, shares_splits
from pgan_ray.study.rules import LEAST_GENERATORS
from pgan_ray.study.series import Series, per_cent, taken_for
from pgan_ray.study.verdicts import Finding

CONTROLS = (NONE, "removal")
_REJECTED = {
    "rejected_poison": "Poison that the detectors reject",
    "rejected_genuine": "Genuine points that they reject",
}


def comparison_groups(found: Comparison) -> list[Group]:
    """Matching series over each other, a panel of each; and the attacks of all sweeps by damage and detectability."""
    return [group for group in (_panels(found), _tradeoff(found)) if group is not None]


def _panels(found: Comparison) -> Group | None:
    matches = [match for match in found.matches if len(match.fractions) >= 2]
    rates = SCORES if len(matches) <= MAX_PANELS // len(SCORES) else SCORES[:1]
    figures = []
    for rate in rates:
        made = []
        for index, match in enumerate(matches[:MAX_PANELS]):
            lines = []
            for letter, one in match.series.items():
                curve = found.studies[letter].curve(one, rate)
                points = [(100 * fraction, value) for fraction, value in curve.items()]
                lines.append(line(name_of(found, letter), points=points, **_style(found, letter)))
            title = rate_titles(next(iter(match.series.values())))[rate]
            name = f"{FILES[rate]}_beside_{index + 1}"
            made.append(LineFigure(name, headed(title, match.label), POISON_AXIS, f"{title}, %", tuple(lines), 0.0))
        figures += same_top(made)
    if not figures:
        return None
    caption = INTERVALS + drawn_first(matches)
    return Group("Error against the poison fraction, sweep over sweep", caption, tuple(figures))


def _tradeoff(found: Comparison) -> Group | None:
    shared = set.intersection(*(_fractions(study.every_series) for study in found.studies.values()))
    fraction = max(shared, default=0.0)
    groups = []
    for letter, study in found.studies.items():
        ranked = ranked_attacks(study, fraction) if fraction else []
        if ranked:
            colour, marker = (_style(found, letter)[key] for key in ("colour", "marker"))
            groups.append(attack_points(study, letter, colour, ranked, marker=marker, written=1))
    return tradeoff(groups, per_cent(fraction)) if len(groups) > 1 else None


def _fractions(series: Sequence[Series]) -> set[float]:
    return {fraction for one in series for fraction in one.fractions}


def difference_tables(found: Comparison) -> list[Table]:
    """Of each measure: every matching series without poison and with the most that all have, and the differences."""
    tables = [_table(found, *part) for part in _measures(found)]
    return [table for table in tables if table.rows]


def differences_csv(found: Comparison) -> bytes:
    """Every point that matching series share, with all digits: means, and their differences from the first sweep's."""
    head = ("sweep", "label", "poison_fraction", "measure", "beyond", "mean", "low", "high")
    rows = []
    for _, _, measure in _measures(found):
        for match in found.matches:
            for fraction in match.fractions:
                for letter in match.series:
                    own = found.value(letter, match, fraction, measure)
                    if own is not None:
                        beside = _difference(found, letter, match, fraction, measure)
                        names = (found.studies[letter].record.id, match.label, fraction, measure.rate)
                        rows.append((*names, measure.beyond or "", *_numbers(own), *_numbers(beside)))
    return to_csv((*head, "difference", "difference_low", "difference_high"), rows)


def _measures(found: Comparison) -> Iterator[tuple[str, str, Measure]]:
    """(file, title, measure)."""
    tasks = {taken_for(one.settings) for match in found.matches for one in match.series.values()}
    source, reverse = tasks.pop() if len(tasks) == 1 else ("Source as poison class", "Poison as source class")
    for rate, title in zip(SCORES, ("Test error", source, reverse), strict=True):
        yield FILES[rate], title, Measure(rate)
    for control in CONTROLS:
        yield f"beyond_{control}", f"{source}, beyond the control {control}", Measure("false_positive_rate", control)
    for rate, title in _REJECTED.items():
        yield rate, title, Measure(rate)


def _table(found: Comparison, name: str, title: str, measure: Measure) -> Table:
    first, *others = found.studies
    rows = []
    for match in found.matches:
        for fraction in dict.fromkeys((match.fractions or [0.0])[index] for index in (0, -1)):
            if measure.beyond and not fraction:
                continue
            values = [found.value(letter, match, fraction, measure) for letter in found.studies]
            if not any(values):
                continue
            differences = [_difference(found, letter, match, fraction, measure) for letter in others]
            planned = [match.planned.get(letter, 0) for letter in found.studies]
            texts = (estimate_text(*pair) for pair in zip(values, planned, strict=True))
            rows.append((match.label, per_cent(fraction), *texts, *map(_signed, differences)))
    columns = ("series", "poison", *found.studies, *(f"{letter} − {first}" for letter in others))
    units = "points, and their differences" if measure.beyond else "%, and differences in points"
    return Table(f"differences_{name}", f"{title}, {units}", columns, tuple(rows), left=2)


def _difference(found: Comparison, letter: str, match: Match, fraction: float, measure: Measure) -> Estimate | None:
    first = next(iter(found.studies))
    if letter == first or not {letter, first} <= set(match.series):
        return None
    return found.difference(letter, match, fraction, measure)


def _signed(found: Estimate | None) -> str:
    """With an arrow where the interval, of enough replicates, leaves no doubt of the side."""
    if found is None:
        return "-"
    text = f"{100 * found.mean:+.1f}".replace("-", "−")
    if found.half_width is None:
        return text
    is_clear = found.replicates >= LEAST_GENERATORS and abs(found.mean) > found.half_width > 0
    arrow = (" ▲" if found.mean > 0 else " ▼") if is_clear else ""
    return f"{text} ± {100 * found.half_width:.1f}{arrow}"


def _numbers(found: Estimate | None) -> tuple[Any, Any, Any]:
    return ("", "", "") if found is None else (found.mean, *(found.ends or ("", "")))


def comparison_page(
    found: Comparison, groups: Sequence[DrawnGroup], claims: dict[str, list[Finding]], tables: Sequence[Table]
) -> bytes:
    """The HTML file."""
    anchors = [(f"figures-{number}", group) for number, group in enumerate(groups, 1)]
    settings = found.settings()
    ends = [("differences", "Differences"), ("settings", "Settings that differ"), ("paper", "The paper's claims")]
    return render(
        "compare.html.jinja",
        sweeps=[_sweep(found, letter) for letter in found.studies],
        contents=contents(anchors, ends, [("facts", "The sweeps")]),
        groups=anchors,
        tables=tables,
        first=next(iter(found.studies)),
        pairs=_pairs(found),
        matches=len(found.matches),
        alone=[f"{letter}: {one.label}" for letter, one in found.alone],
        settings=(("setting", *found.studies), settings),
        verdicts=verdict_rows(claims),
        facts=_facts(found),
        failures=[
            (f"{letter}: {said}", text)
            for letter, study in found.studies.items()
            for said, text in facts.failures(study)
        ],
    )


def name_of(found: Comparison, letter: str) -> str:
    """What the sweep is called in figures: by its name or else its profile, where that tells it from the others."""
    sweeps = [study.record.sweep for study in found.studies.values()]
    own = found.studies[letter].record.sweep
    for names, name in (([one.name for one in sweeps], own.name), ([one.profile for one in sweeps], own.profile)):
        if len(set(names)) == len(names):
            return f"{letter}: {name}"
    return letter


def _sweep(found: Comparison, letter: str) -> dict[str, Any]:
    study = found.studies[letter]
    sweep, outcome = study.record.sweep, facts.outcome(study)
    said = answer(sweep, study.tally.points, study.changes, study.by_defence)
    names = {"letter": letter, "name": sweep.name, "id": study.record.id, "profile": sweep.profile}
    return names | {"outcome": outcome, "said": facts.OUTCOMES[outcome], "answer": said, "doubts": facts.doubts(study)}


def _pairs(found: Comparison) -> list[str]:
    """The sweeps that draw the same splits as the first in all their matching series."""
    first, *others = found.studies
    shared = {letter: [m.series for m in found.matches if {first, letter} <= set(m.series)] for letter in others}
    return [letter for letter, some in shared.items() if some and all(shares_splits(s[first], s[letter]) for s in some)]


def _facts(found: Comparison) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    by_letter = {letter: dict(facts.fact_rows(study)) for letter, study in found.studies.items()}
    for letter, study in found.studies.items():
        by_letter[letter]["actor hours"] = f"{sum(cost.hours for cost in facts.costs(study)):.3f}"
    names = dict.fromkeys(name for rows in by_letter.values() for name in rows)
    return ("", *by_letter), [(name, *(rows.get(name, "-") for rows in by_letter.values())) for name in names]


def _style(found: Comparison, letter: str) -> dict[str, str]:
    place = list(found.studies).index(letter)
    dash = palette.DASHES[place % len(palette.DASHES)]
    return {"colour": palette.CATEGORIES[place], "marker": palette.MARKERS[place], "dash": dash}
