"""Curves over the poison fraction and over every other numeric axis (Fig. 2, 4 left and right, 5, 6 left)."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from pgan_ray.figures import palette
from pgan_ray.figures.charts import Group, Line, LineFigure
from pgan_ray.results import SCORES, Estimate
from pgan_ray.study.series import Axis, Path, Series, combinations, per_cent, taken_for, value_label
from pgan_ray.study.study import Study

MAX_LINES = 8
MAX_PANELS = 24
MAX_CONTROLS = 2
MAX_FRACTIONS = 4
POISON_AXIS = "poison, % of the training set"
FILES = {"test_error": "error", "false_positive_rate": "source_as_poison", "false_negative_rate": "poison_as_source"}
INTERVALS = "Bands and bars are 95 % intervals over generators (where there are at least two)."


def curve_groups(study: Study) -> list[Group]:
    """All groups of curves that this sweep can show."""
    groups = []
    by_axis = [group for axis in study.axes if axis.is_numeric for group in [_over_axis(study, axis)] if group]
    if not (by_axis and _only_two_fractions(study)):
        groups.append(_over_poison(study))
    groups += [_targeted(study), *by_axis]
    return [group for group in groups if group is not None and group.figures]


def rate_titles(series: Series) -> dict[str, str]:
    """The victims' rates in words."""
    return dict(zip(SCORES, ("test error", *taken_for(series.settings)), strict=True))


def line(label: str, colour: str, points: Iterable[tuple[float, Estimate]], **style: Any) -> Line:
    """A curve in per cent through ``points`` (x, estimate), by rising x."""
    ordered = sorted(points, key=lambda point: point[0])
    return Line(
        label,
        colour,
        tuple(x for x, _ in ordered),
        tuple(100 * e.mean for _, e in ordered),
        tuple(half(e) for _, e in ordered),
        **style,
    )


def half(found: Estimate | None) -> float | None:
    """The half width of its interval in per cent."""
    return None if found is None or found.half_width is None else 100 * found.half_width


def top(lines: Iterable[Line]) -> float:
    """Where the y axis ends: all means, and their intervals unless they dwarf the means."""
    values = [(y, half or 0.0) for one in lines for y, half in zip(one.y, one.half, strict=True)]
    if not values:
        return 1.0
    highest = max(y for y, _ in values)
    wanted = max(y + half for y, half in values)
    return max(min(wanted * 1.04, max(2.2 * highest, 1.0), 102.0), highest * 1.08, 0.5)


def styled(series: Sequence[Series], axes: Sequence[Axis]) -> list[dict[str, str]]:
    """Colour, marker and dash of each of ``series`` in one panel: alpha and baselines keep theirs everywhere."""
    alphas = {one.alpha for one in series if one.alpha is not None}
    shown = [_base_colour(one) for one in series]
    if len(alphas) == 1 and Counter(shown)[_base_colour(next(s for s in series if s.alpha is not None))] > 1:
        # One alpha throughout: colour is free to tell the other axis' values apart.
        others = iter(itertools.cycle(palette.CATEGORIES))
        shown = [colour if one.alpha is None else next(others) for one, colour in zip(series, shown, strict=True)]
    seen: Counter[str] = Counter()
    styles = []
    for index, (_one, colour) in enumerate(zip(series, shown, strict=True)):
        dash = palette.DASHES[seen[colour] % len(palette.DASHES)]
        seen[colour] += 1
        styles.append({"colour": colour, "marker": palette.MARKERS[index % len(palette.MARKERS)], "dash": dash})
    return styles


def _base_colour(one: Series) -> str:
    if one.alpha is not None:
        return palette.alpha_colour(one.alpha)
    return palette.ATTACKS.get(one.settings.attack.name, palette.CATEGORIES[0])


def _only_two_fractions(study: Study) -> bool:
    numeric = [axis for axis in study.axes if axis.is_numeric]
    return all(len(one.fractions) <= 2 and any(axis.path in one.choices for axis in numeric) for one in study.series)


def _over_poison(study: Study) -> Group | None:
    drawn = [one for one in study.series if len(study.curve(one, "test_error")) >= 2]
    if not drawn or (len(drawn) == 1 and drawn[0].classes > 2):  # `_targeted` shows it
        return None
    panels = _panels(drawn, study.axes)
    rates = SCORES if len(panels) <= MAX_PANELS // len(SCORES) else SCORES[:1]
    figures: list[LineFigure] = []
    for rate in rates:
        made: list[LineFigure] = []
        for index, (heading, members) in enumerate(panels[:MAX_PANELS]):
            lines = []
            members = [*members, *_controls(study, members)]
            for one, style in zip(members, styled(members, study.axes), strict=True):
                points = [(100 * fraction, value) for fraction, value in study.curve(one, rate).items()]
                label = _short(one, members, study.axes)
                lines.append(line(label, points=points, **style))
            title = rate_titles(members[0])[rate]
            name = f"{FILES[rate]}_by_poison" + (f"_{index + 1}" if len(panels) > 1 else "")
            full = headed(title, heading)
            made.append(LineFigure(name, full, POISON_AXIS, f"{title}, %", tuple(lines), 0.0))
        figures += same_top(made)
    caption = (
        "Test error of the victims, and the two kinds of error that the attack is about, on clean test points. "
        "Controls show the effect of the poison's place alone. An attack's effect is the difference from them. "
    )
    return Group("Error against the poison fraction", caption + INTERVALS + drawn_first(panels), tuple(figures))


def _controls(study: Study, members: Sequence[Series]) -> list[Series]:
    """The controls of ``members``, each once, if they have curves and one panel has room for them."""
    found = {one.key: one for member in members for one in study.controls_of(member)}
    shown = [one for one in found.values() if len(study.curve(one, "test_error")) >= 2]
    return shown if len(shown) <= MAX_CONTROLS else []


def headed(title: str, what: str) -> str:
    """The ``title`` of a panel that shows ``what`` alone."""
    return f"{title[:1].upper()}{title[1:]}" + (f": {what}" if what else "")


def drawn_first(panels: Sequence[Any]) -> str:
    """A sentence for a caption, where more ``panels`` were found than are drawn."""
    return f" The first {MAX_PANELS} of {len(panels)} panels are drawn." if len(panels) > MAX_PANELS else ""


def same_top(figures: Sequence[LineFigure]) -> list[LineFigure]:
    """The same y axis for figures that are compared."""
    highest = top(one for figure in figures for one in figure.lines)
    return [replace(figure, y_max=highest) for figure in figures]


def _panels(series: Sequence[Series], axes: Sequence[Axis]) -> list[tuple[str, list[Series]]]:
    """(heading, series) of small multiples: by the axis with most values where one panel would hold too many."""
    if len(series) <= MAX_LINES:
        return [("", list(series))]
    counts = {axis.path: len({str(one.choices.get(axis.path)) for one in series}) for axis in axes}
    by = max(axes, key=lambda axis: counts[axis.path])
    found: dict[str, list[Series]] = defaultdict(list)
    for one in series:
        value = one.choices.get(by.path)
        found["others" if value is None else value_label(by, value, one.classes)].append(one)
    if all(len(members) == 1 for members in found.values()):
        parts = [list(series[start : start + MAX_LINES]) for start in range(0, len(series), MAX_LINES)]
        return [(f"{part[0].label} to {part[-1].label}", part) for part in parts]
    return [
        (heading, members[start : start + MAX_LINES])
        for heading, members in found.items()
        for start in range(0, len(members), MAX_LINES)
    ]


def _short(one: Series, members: Sequence[Series], axes: Sequence[Axis]) -> str:
    """Its label without what all ``members`` of a panel share."""
    if len(members) < 2:
        return one.label
    differ = [axis for axis in axes if len({str(m.choices.get(axis.path)) for m in members}) > 1]
    if any((axis.path[0] == "attack" and len(axis.path) == 1) or axis.path == ("attack", "name") for axis in differ):
        return one.label
    parts = [value_label(a, one.choices[a.path], one.classes) for a in differ if one.choices.get(a.path) is not None]
    return ", ".join(parts) if parts and len(differ) < len(axes) and "{" not in "".join(parts) else one.label


def heading(one: Series, axes: Sequence[Axis], without: Iterable[Path]) -> str:
    """What ``one`` is, but for the axes ``without``."""
    left_out = set(without)
    kept: list[tuple[Axis, Any]] = [
        (axis, one.choices[axis.path]) for axis in axes if axis.path in one.choices and axis.path not in left_out
    ]
    return ", ".join(value_label(axis, value, one.classes) for axis, value in kept)


def _over_axis(study: Study, axis: Axis) -> Group | None:
    placed = [one for one in study.series if one.position(axis) is not None]
    groups = combinations(placed, [axis.path])
    rates = SCORES if len(groups) <= MAX_PANELS // len(SCORES) else SCORES[:1]
    figures: list[LineFigure] = []
    for rate in rates:
        made = []
        for index, members in enumerate(itertools.islice(groups.values(), MAX_PANELS)):
            lines = _axis_lines(study, axis, members, rate)
            if not any(len(one.x) >= 2 for one in lines):
                continue
            title, what = rate_titles(members[0])[rate], heading(members[0], study.axes, [axis.path])
            name = f"{FILES[rate]}_by_{axis.name.replace('.', '_')}" + (f"_{index + 1}" if len(groups) > 1 else "")
            xs = [x for one in lines for x in one.x]
            is_log = min(xs) > 0 and max(xs) / min(xs) > 50
            made.append(LineFigure(name, headed(title, what), axis.title, f"{title}, %", tuple(lines), 0.0, is_log))
        figures += same_top(made)
    if not figures:
        return None
    return Group(
        f"Clean and poisoned, against {axis.title}",
        f"Error of clean and of poisoned victims on clean test points. {INTERVALS}",
        tuple(figures),
    )


def _axis_lines(study: Study, axis: Axis, members: Sequence[Series], rate: str) -> list[Line]:
    fractions = sorted({fraction for one in members for fraction in study.curve(one, rate)})
    lines = []
    poisoned = [fraction for fraction in fractions if fraction > 0]
    if len(poisoned) >= MAX_FRACTIONS:
        poisoned = [poisoned[(len(poisoned) - 1) // 2], poisoned[-1]]
    for fraction in [*(f for f in fractions if f == 0), *poisoned]:
        points = []
        for one in members:
            position, curve = one.position(axis), study.curve(one, rate)
            if position is not None and fraction in curve:
                points.append((position, curve[fraction]))
        if fraction == 0:
            lines.append(line("clean", palette.CLEAN, points, marker="s", dash="--"))
        else:
            rank = len(poisoned) - 1 - poisoned.index(fraction)
            colour = palette.POISONED[min(rank, len(palette.POISONED) - 1)]
            lines.append(line(f"{per_cent(fraction)} poison", colour, points))
    return lines


def _targeted(study: Study) -> Group | None:
    """More than two classes: all errors beside the one that the attack is after."""
    figures = []
    drawn = [one for one in study.series if one.classes > 2 and len(study.curve(one, "test_error")) >= 2]
    for index, one in enumerate(drawn[:MAX_LINES]):
        lines = [
            line(label, colour, [(100 * f, e) for f, e in study.curve(one, rate).items()], marker=marker)
            for rate, label, colour, marker in (
                ("false_positive_rate", taken_for(one.settings)[0], palette.POISONED[0], "o"),
                ("test_error", "all errors", palette.CATEGORIES[0], "s"),
            )
        ]
        name = "targeted_error" + (f"_{index + 1}" if len(drawn) > 1 else "")
        figures.append(LineFigure(name, one.label, POISON_AXIS, "share of test points, %", tuple(lines), 0.0))
    if not figures:
        return None
    return Group(
        "Overall error, and the error that the attack aims at",
        f"Share of all test points that are misclassified, and share of the source class taken for the poison class. "
        f"{INTERVALS}",
        tuple(same_top(figures)),
    )
