"""What each pipeline of defences would have helped against each attack, and what it costs on clean data."""

from collections.abc import Sequence

from pgan_ray.figures.charts import Group, Line, LineFigure
from pgan_ray.report.curves import MAX_PANELS, drawn_first, half, headed, heading, styled, top
from pgan_ray.report.tables import Table
from pgan_ray.results import WORST, Estimate, estimate, estimate_text, worst_rows
from pgan_ray.study.series import Path, Series, combinations, configuration_label, per_cent
from pgan_ray.study.study import Study
from pgan_ray.study.verdicts import Term, combine

DEFENCE: Path = ("evaluation", "defence")
CAUGHT = ("rejected_poison", "dropped_poison", "relabelled_poison")
LOST = ("rejected_genuine", "dropped_genuine", "relabelled_genuine")


def defence_group(study: Study) -> Group | None:
    """Rise of the error against the share of poison caught: a panel of each pipeline, a point of each attack."""
    if not _has_defences(study):
        return None
    of_attacks = _of_attacks(study)
    panels = list(combinations(study.series, of_attacks, with_trials=True).values())
    drawn: list[tuple[str, list[Line]]] = []
    for members in panels[:MAX_PANELS]:
        lines = []
        for one, style in zip(members, styled(members, study.axes), strict=True):
            caught, harm = total(study, one, one.fractions[-1], CAUGHT), rise(study, one)
            if caught is not None and harm is not None:
                lines.append(_point(_attack(study, one), caught, harm, style))
        if lines:
            drawn.append((heading(members[0], study.axes, of_attacks), lines))
    if not drawn:
        return None
    highest = top(line for _, lines in drawn for line in lines)
    figures = tuple(
        LineFigure(
            f"rise_by_defence_{index + 1}",
            headed("Rise of the error", what),
            "poison caught, %",
            "test error beyond clean, points",
            tuple(lines),
            highest,
            x_range=(0.0, 100.0),
        )
        for index, (what, lines) in enumerate(drawn)
    )
    largest = sorted({one.fractions[-1] for one in study.series})
    return Group(
        "Which defences help",
        f"Rise of the victims' error from clean data to {', '.join(map(per_cent, largest))} poison under the same "
        "defences (0 if it falls), against the share of poison that is rejected, dropped or relabelled. Bars "
        f"are 95 % intervals over generators.{drawn_first(panels)}",
        figures,
    )


def defence_tables(study: Study) -> list[Table]:
    """What the worst attack does behind each defence; which would have helped against which, and its cost."""
    if not _has_defences(study):
        return []
    if not study.by_defence:
        return [_of_attacks_table(study)]
    columns, rows = worst_rows(study.record.sweep, study.by_defence)
    worst = Table("worst_by_defence", WORST[0].upper() + WORST[1:], columns, rows, left=len(columns) - 4)
    return [worst, _of_attacks_table(study)]


def _of_attacks_table(study: Study) -> Table:
    rows = []
    for members in combinations(study.series, [DEFENCE]).values():
        undefended = next((one for one in members if not one.settings.evaluation.defence), None)
        for one in members:
            fraction, planned = one.fractions[-1], one.settings.attack.replicates
            helps = costs = None
            if undefended is not None and one is not undefended:
                helps = difference(study, (undefended, fraction), (one, fraction))
                costs = difference(study, (one, 0.0), (undefended, 0.0))
            found = (
                study.curve(one, "test_error").get(fraction),
                helps,
                total(study, one, fraction, CAUGHT),
                costs,
                total(study, one, 0.0, LOST),
            )
            name = (one.settings.evaluation.defence_name or "none").replace("+", " + ").replace("_", " ")
            others = heading(one, study.axes, [DEFENCE, *_of_attacks(study)])
            against = ", ".join(part for part in (_attack(study, one), others) if part)
            rows.append((against, name, per_cent(fraction), *(estimate_text(each, planned) for each in found)))
    columns = ("series", "defence", "poison", "test error", "helps by", "poison caught")
    return Table(
        "defences",
        "Which defence would have helped, and what does it cost on clean data: % of points, and points by which it "
        "lowers (helps) or raises (costs) the test error",
        (*columns, "costs on clean data", "genuine points lost there"),
        tuple(rows),
        left=2,
    )


def rise(study: Study, one: Series) -> Estimate | None:
    """How much more its victims err at its largest poison fraction than on clean data."""
    return difference(study, (one, one.fractions[-1]), (one, 0.0))


def difference(study: Study, more: tuple[Series, float], less: tuple[Series, float]) -> Estimate | None:
    """By how much the test error of one point of a curve is above another's, within pairs of one split."""
    return combine(study, [Term(1, *more, "test_error"), Term(-1, *less, "test_error")])


def total(study: Study, one: Series, fraction: float, rates: Sequence[str]) -> Estimate | None:
    """The sum of ``rates`` at a poison ``fraction``; those that there are none of count nothing."""
    sums: dict[tuple[int, int], float] = {}
    for rate in rates:
        for key, value in study.values(one, fraction, rate).items():
            sums[key] = sums.get(key, 0.0) + value
    return _over_replicates(sums)


def _over_replicates(values: dict[tuple[int, int], float]) -> Estimate | None:
    groups: dict[int, list[float]] = {}
    for (replicate, _), value in sorted(values.items()):
        groups.setdefault(replicate, []).append(value)
    return estimate(groups.values()) if groups else None


def _has_defences(study: Study) -> bool:
    return any(one.settings.evaluation.defence for one in study.series)


def _of_attacks(study: Study) -> list[Path]:
    return [axis.path for axis in study.axes if axis.path[0] == "attack"]


def _attack(study: Study, one: Series) -> str:
    return configuration_label(one, [axis for axis in study.axes if axis.path[0] == "attack"])


def _point(label: str, caught: Estimate, harm: Estimate, style: dict[str, str]) -> Line:
    x, y = 100 * caught.mean, max(0.0, 100 * harm.mean)
    return Line(label, style["colour"], (x,), (y,), (half(harm),), style["marker"], x_half=half(caught))
