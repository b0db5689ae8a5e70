"""What the detectors reject, genuine and poison (Fig. 4 centre)."""

from collections.abc import Sequence

from pgan_ray.figures import palette
from pgan_ray.figures.charts import Dot, DotFigure, Group, Line, LineFigure
from pgan_ray.report.curves import INTERVALS, half, headed, heading, line, top
from pgan_ray.results import Estimate
from pgan_ray.study.series import ALPHA, PERCENTILE, TRAIN, VICTIM, Axis, Path, Series, combinations, per_cent
from pgan_ray.study.study import Study

MAX_TOGETHER = 2
MAX_ROWS = 40
PAIRS = ((palette.GENUINE, palette.POISON), (palette.GENUINE_LIGHT, palette.POISON_LIGHT))


def detection_group(study: Study) -> Group | None:
    """Rejected points at each series' largest poison fraction; None where nothing is filtered."""
    victims = [axis.path for axis in study.axes if axis.path[:2] == VICTIM]
    filtered = [
        one
        for one in _once(study.series, victims)
        if one.settings.evaluation.detector.component.filters and rejected(study, one, "rejected_genuine")
    ]
    if not filtered:
        return None
    axis = _numeric_axis(study)
    placed = [one for one in filtered if axis is not None and one.position(axis) is not None]
    figures: list[LineFigure | DotFigure] = []
    if axis is not None and len({one.position(axis) for one in placed}) >= 2:
        figures += _by_axis(study, axis, placed, victims)
        filtered = [one for one in filtered if one.position(axis) is None]
    if filtered:
        figures.append(_dots(study, filtered, victims))
    largest = sorted({one.fractions[-1] for one in study.series})
    return Group(
        "What the detectors reject",
        "Shares of genuine and of poisoning points in the victims' training sets that the detectors reject, at "
        f"{', '.join(map(per_cent, largest))} poison. {INTERVALS}",
        tuple(figures),
    )


def rejected(study: Study, one: Series, rate: str) -> Estimate | None:
    """Its share of rejected points at its largest poison fraction."""
    return study.curve(one, rate).get(one.fractions[-1])


def _numeric_axis(study: Study) -> Axis | None:
    numeric = [
        axis
        for axis in study.axes
        if axis.is_numeric and axis.path[:2] != VICTIM and axis.path not in (PERCENTILE, TRAIN)
    ]
    return next((axis for axis in numeric if axis.path == ALPHA), numeric[0] if numeric else None)


def _once(series: Sequence[Series], without: Sequence[Path]) -> list[Series]:
    """One of each of ``series`` that differ in their victims only: a detector does not know the victim."""
    return [members[0] for members in combinations(series, without).values()]


def _by_axis(study: Study, axis: Axis, placed: Sequence[Series], victims: Sequence[Path]) -> list[LineFigure]:
    curves: list[tuple[str, list[Line]]] = []
    groups = combinations(placed, [axis.path, *victims])
    for index, members in enumerate(groups.values()):
        what = heading(members[0], study.axes, [axis.path, *victims])
        colours = PAIRS[0 if len(groups) > MAX_TOGETHER else index % 2]
        lines = []
        for rate, name, colour, style in (
            ("rejected_genuine", "genuine", colours[0], {"marker": "s", "dash": "--"}),
            ("rejected_poison", "poison", colours[1], {"marker": "o", "dash": "-"}),
        ):
            found = [(one.position(axis), rejected(study, one, rate)) for one in members]
            points = [(x, e) for x, e in found if x is not None and e is not None]
            label = f"{name}, {what}" if what and 1 < len(groups) <= MAX_TOGETHER else name
            lines.append(line(label, colour, points, **style))
        curves.append((what, lines))
    if len(curves) <= MAX_TOGETHER:
        curves = [(curves[0][0] if len(curves) == 1 else "", [one for _, lines in curves for one in lines])]
    highest = top(one for _, lines in curves for one in lines)
    return [
        LineFigure(
            "rejected" + (f"_{index + 1}" if len(curves) > 1 else ""),
            headed("Rejected points", what),
            axis.title,
            "rejected by the detectors, %",
            tuple(lines),
            highest,
        )
        for index, (what, lines) in enumerate(curves)
    ]


def _dots(study: Study, filtered: Sequence[Series], victims: Sequence[Path]) -> DotFigure:
    rows, highest = [], 1.0
    for one in filtered[:MAX_ROWS]:
        dots = []
        for rate, name, colour, marker in (
            ("rejected_genuine", "genuine", palette.GENUINE, "s"),
            ("rejected_poison", "poison", palette.POISON, "o"),
        ):
            found = rejected(study, one, rate)
            if found is not None:
                most = 100 * found.mean + (half(found) or 0)
                dots.append(Dot(name, colour, 100 * found.mean, half(found), marker))
                highest = max(highest, 1.08 * 100 * found.mean, min(most, 220 * found.mean))
        rows.append((_label(study, one, victims), tuple(dots)))
    return DotFigure(
        "rejected_by_series", "Rejected points", "rejected by the detectors, %", tuple(rows), min(1.04 * highest, 102.0)
    )


def _label(study: Study, one: Series, victims: Sequence[Path]) -> str:
    """Its label, without the victim, of which the detectors know nothing."""
    return (heading(one, study.axes, victims) if victims else "") or one.label
