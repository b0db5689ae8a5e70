"""The tables at the end of a sweep, and of `best`."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pgan_ray.results import (
    CHANGES,
    WORST,
    ByDefence,
    Change,
    Estimate,
    Point,
    Ranked,
    budget_text,
    estimate_text,
    rule_of,
    units_text,
    values_text,
    worst_rows,
)
from pgan_ray.search import Confirmation
from pgan_ray.spec import Sweep
from pgan_ray.text import printable

SEEN = {
    "excess_rejection": "poison rejected beyond genuine",
    "excess_rejection_both": "poison rejected beyond genuine, by both tails",
    "detector_auc": "AUC, %",
}
"""What tells poison from genuine points, by its name in `Change.detectability`."""


def error_table(points: Sequence[Point], sweep: Sweep) -> Table:
    """Mean test error in per cent with its 95 % interval: configurations by rows, poison fractions by columns.

    A mean over fewer replicates than the sweep has says so.
    """
    planned = replicates(sweep)
    fractions = sorted({point.poison_fraction for point in points})
    table = Table(title="test error in %, mean ± 95 % interval over generators, by poison fraction", min_width=76)
    table.add_column("configuration", overflow="fold")
    for fraction in fractions:
        table.add_column(f"{100 * fraction:g}%", justify="right", overflow="fold")
    curves: dict[tuple[str, str], dict[float, Estimate]] = {}
    for point in points:
        if "test_error" in point.rates:
            curve = curves.setdefault((point.configuration, point.variant), {})
            curve[point.poison_fraction] = point.rates["test_error"]
    for (configuration, variant), curve in curves.items():
        table.add_row(
            label(sweep, configuration, variant),
            *(estimate_text(curve.get(fraction), planned[configuration]) for fraction in fractions),
        )
    return table


def rates_table(points: Sequence[Point], sweep: Sweep) -> Table:
    """What kind of errors, and what the detectors saw, at each configuration's largest poison fraction."""
    planned = replicates(sweep)
    largest: dict[tuple[str, str], Point] = {}
    for point in points:
        key = (point.configuration, point.variant)
        if key not in largest or point.poison_fraction > largest[key].poison_fraction:
            largest[key] = point
    where, column = _at({point.poison_fraction for point in largest.values()})
    table = Table(title=f"{where}, in %")
    table.add_column("configuration", overflow="fold")
    rejected = ("rejected genuine", "rejected poison", "by both tails", "AUC")
    for name in (*column, "error", "source as poison class", "reverse", *rejected):
        table.add_column(name, justify="right", overflow="fold")
    for (configuration, variant), point in largest.items():
        rates = (
            "test_error",
            "false_positive_rate",
            "false_negative_rate",
            "rejected_genuine",
            "rejected_poison",
            "rejected_poison_both",
            "detector_auc",
        )
        table.add_row(
            label(sweep, configuration, variant),
            *(f"{100 * point.poison_fraction:g}%" for _ in column),
            *(estimate_text(point.rates.get(rate), planned[configuration]) for rate in rates),
        )
    return table


def changes_table(changes: Sequence[Change], sweep: Sweep) -> Table:
    """How much more victims err than those of each control, at each configuration's largest poison fraction."""
    planned = replicates(sweep)
    largest: dict[tuple[str, str], float] = {}
    for change in changes:
        key = (change.configuration, change.variant)
        largest[key] = max(change.poison_fraction, largest.get(key, 0.0))
    where, column = _at(set(largest.values()))
    table = Table(title=f"beyond the controls, in points, {where}")
    columns = ("configuration", "control", *column, "error", "source as poison class", "reverse", "specificity")
    for index, name in enumerate(columns):
        table.add_column(name, justify="right" if index > 1 else "left", overflow="fold")
    for change in changes:
        if change.poison_fraction == largest[change.configuration, change.variant]:
            table.add_row(
                label(sweep, change.configuration, change.variant),
                printable(change.control),
                *(f"{100 * change.poison_fraction:g}%" for _ in column),
                *(estimate_text(change.rates[rate], planned[change.configuration]) for rate in CHANGES),
            )
    return table


def _at(fractions: Set[float]) -> tuple[str, tuple[str, ...]]:
    """Where a table's rows are, and the column that says it of each: none where all are at one of ``fractions``."""
    if len(fractions) == 1:
        return f"at {100 * max(fractions):g} % poison", ()
    return "at the largest poison fraction", ("poison",)


def ranking_table(found: Sequence[Ranked], sweep: Sweep, rule: Mapping[str, Any]) -> Table:
    """The attacks ``found`` by a ``rule``, as `rule_for` gives it, the first of them first."""
    by, rejected, planned = rule["harm"], SEEN[rule["tails"]], replicates(sweep)
    if rule["by_every_variant"] and len({one.variant for one in found}) > 1:
        rejected += " where that is most"
    counts = sorted({planned[one.configuration] for one in found})
    over = f"mean ± 95 % interval over {' or '.join(map(str, counts))} replicates"
    table = Table(
        title=f"{by} at {100 * found[0].poison_fraction:g} % poison, in points beyond the control with the "
        f"least difference;\n{over if counts[-1] > 1 else 'one replicate, so no intervals'}"
    )
    for column in ("attack", by, "beyond", rejected, f"under the budget of {budget_text(rule)}"):
        table.add_column(column, justify="right" if column in (by, rejected) else "left")
    for one in found:
        harm, excess = (estimate_text(each, planned[one.configuration]) for each in (one.harm, one.excess))
        under = "nothing detects" if one.excess is None else "yes" if one.stays_under else "no"
        unsure = "" if one.is_sure else ", not sure"
        table.add_row(label(sweep, one.configuration, one.variant), harm, one.control, excess, f"{under}{unsure}")
    return table


def confirmations_table(confirmed: Sequence[Confirmation], sweep: Sweep) -> Table:
    """What a search's best trials had promised on validation points, and what they do evaluated afresh."""
    units = units_text(rule_of(sweep))
    table = Table(title=f"the best trials, evaluated afresh, mean ± 95 % interval over generators, in {units}")
    columns = ("configuration", "values", "harm promised", "harm confirmed", "seen promised", "seen confirmed")
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index > 1 else "left", overflow="fold")
    for one in confirmed:
        scores = (one.trial.harm, one.again.harm, one.trial.detectability, one.again.detectability)
        shown = (estimate_text(score) for score in scores)
        table.add_row(label(sweep, one.configuration), Text(printable(values_text(one.trial))), *shown)
    return table


def worst_table(groups: Sequence[ByDefence], sweep: Sweep) -> Table:
    """What the worst attack does behind each defence."""
    table = Table(title=WORST)
    columns, rows = worst_rows(sweep, groups)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index < len(columns) - 4 else "right")
    for row in rows:
        table.add_row(*(Text(printable(text)) for text in row))
    return table


def label(sweep: Sweep, configuration: str, variant: str = "") -> Text:
    """What a configuration of ``sweep``, and a variant of its evaluation, is called, by their ids."""
    # As a text: rich takes brackets in a string for commands of its own. Cut short, several would look alike.
    return Text(printable(sweep.called(configuration, variant)), overflow="fold")


def replicates(sweep: Sweep) -> dict[str, int]:
    """How many each configuration of ``sweep`` was to have."""
    return {one.id: one.settings.attack.replicates for one in sweep.configurations}


def show(table: Table) -> None:
    """Print to standard output, as wide as the table needs where nobody watches."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    console.print(table)
