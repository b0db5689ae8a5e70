"""Which defence leaves the least of the worst that attacks do: the defender's side of a sweep that has several."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pgan_ray.results.summary import Estimate, Point, estimate_text
from pgan_ray.spec import Configuration, Sweep, Variant, grid

DEFENCE = ("evaluation", "defence")
REMOVAL = "removal"
WORST = "the worst of the attacks behind each defence, by test error in %; mean ± 95 % interval over generators"
MOST_SAID = 4
"""Victims, or other settings, of which the answer tells; the table has all."""


@dataclass(frozen=True, slots=True)
class Defended:
    """What the worst of so many ``attacks`` does behind one pipeline of defences, by test error.

    ``among``: the victim or what else the sweep has several of, as people call it; ``defence``: likewise, ``none``
    where there is none. ``attack``: a configuration's id. ``error``: with the largest ``poison_fraction``; ``clean``:
    without poison; ``deleted``: of the control `removal`. These two are None where the sweep has no such victims.
    """

    among: str
    defence: str
    attack: str
    attacks: int
    poison_fraction: float
    error: Estimate
    clean: Estimate | None
    deleted: Estimate | None


def undefended(sweep: Sweep) -> frozenset[str] | None:
    """The ids of the variants without defences; None where the sweep has none, or not several pipelines of defences."""
    if _axis(sweep) is None:
        return None
    found = {variant.id for one in sweep.configurations for variant in one.variants if not variant.evaluation.defence}
    return frozenset(found) or None


def defended(sweep: Sweep, points: Iterable[Point]) -> list[list[Defended]]:
    """For each victim, or whatever else varies, every pipeline of defences in the order of the file; [] if not several.

    An attack is any configuration that is a result and no control. Of what has no victims yet nothing is said.
    """
    axis = _axis(sweep)
    if axis is None:
        return []
    errors = {
        (point.configuration, point.variant, point.poison_fraction): point.rates["test_error"]
        for point in points
        if "test_error" in point.rates
    }
    groups: dict[str, dict[str, list[tuple[Configuration, Variant]]]] = {}
    tokens = {f"{axis.label}={grid.value_id(axis, value)}": value for value in axis.values}
    for configuration in sweep.configurations:
        for variant in configuration.variants if configuration.is_result else ():
            parts = variant.id.split(",")
            token = next((part for part in parts if part in tokens), "")
            others = ",".join(part for part in (configuration.setting, *parts) if part and part != token)
            groups.setdefault(others, {}).setdefault(token, []).append((configuration, variant))
    found = []
    for others, pipelines in groups.items():
        rows = [
            row
            for token in tokens
            if (row := _worst(sweep, others, token, pipelines.get(token, []), errors)) is not None
        ]
        if len(rows) > 1:
            found.append(rows)
    return found


def _axis(sweep: Sweep) -> grid.Axis | None:
    axes = (axis for axis in grid.axes(sweep.document) if axis.path == DEFENCE and len(axis.values) > 1)
    return next(axes, None)


def _worst(
    sweep: Sweep,
    others: str,
    token: str,
    members: Sequence[tuple[Configuration, Variant]],
    errors: dict[tuple[str, str, float], Estimate],
) -> Defended | None:
    attacks: list[tuple[Estimate, str, str, float]] = []
    deleted = None
    for configuration, variant in members:
        at = max(variant.evaluation.poison_fractions)
        error = errors.get((configuration.id, variant.id, at))
        if error is None or not at:
            continue
        if not configuration.is_control:
            attacks.append((error, configuration.id, variant.id, at))
        elif configuration.settings.attack.name == REMOVAL:
            deleted = error
    if not attacks:
        return None
    error, worst, of_variant, at = max(attacks, key=lambda one: one[0].mean)
    called = sweep.in_words(token).partition("=")[2]
    clean = errors.get((worst, of_variant, 0.0))
    return Defended(sweep.in_words(others), called, worst, len(attacks), at, error, clean, deleted)


def worst_rows(
    sweep: Sweep, groups: Sequence[Sequence[Defended]]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The columns and rows of a table of ``groups``, in words and per cent; the last three columns are numbers."""
    several = len(groups) > 1
    columns = (*(("victims",) if several else ()), "defence", "worst attack")
    rows = tuple(
        (
            *((row.among,) if several else ()),
            row.defence,
            f"{100 * row.poison_fraction:g} % {sweep.called(row.attack)}",
            *("-" if found is None else _text(sweep, row, found) for found in (row.error, row.clean, row.deleted)),
        )
        for group in groups
        for row in group
    )
    return (*columns, "test error", "without poison", "points only deleted"), rows


def defence_answer(sweep: Sweep, groups: Sequence[Sequence[Defended]]) -> str:
    """A few sentences on ``groups``, as `defended` gives them; empty where there are none."""
    if not groups:
        return ""
    if len(groups) == 1:
        return _at_length(sweep, groups[0])
    first = groups[0][0]
    told = "; ".join(_in_short(sweep, rows) for rows in groups[:MOST_SAID])
    more = f"; {len(groups) - MOST_SAID} more are in the report" if len(groups) > MOST_SAID else ""
    return (
        f"Which defence leaves the least of the worst of {first.attacks} attacks, by test error with "
        f"{100 * first.poison_fraction:g} % poison? {told}{more}. {_chosen(sweep, first)}"
    )


def _at_length(sweep: Sweep, rows: Sequence[Defended]) -> str:
    best, (none, others) = _least(rows), _parted(rows)
    worst = f"the worst of {best.attacks} attacks" if best.attacks > 1 else "the attack"
    if none is best:
        which = f"None of {len(others)} defences leaves less of {worst} than no defence does"
    elif len(others) > 1:
        which = f"Of {len(others)} defences {best.defence} leaves the least of {worst}"
    else:
        which = f"What the defence {best.defence} leaves of {worst}"
    text = (
        f"{which}: {_behind(best)} {100 * best.poison_fraction:g} % poison of {_brings(sweep, best, 'the test error')}"
    )
    beside = _least(others) if none is best else none
    if beside is not None:
        text += f", and {_behind(beside)} {_brings(sweep, beside, 'it')}"
        if _overlap(best.error, beside.error):
            text += "; these intervals overlap, so a difference is not shown"
    if none is not best and len(others) > 1:
        following = _least([row for row in others if row is not best])
        text += f". The next is {following.defence}, {_text(sweep, following, following.error)} %"
        text += ", and may be as good: the intervals overlap" if _overlap(best.error, following.error) else ""
    if best.deleted is not None:
        text += f". Where as many points are only deleted it is {_text(sweep, best, best.deleted)} % {_behind(best)}"
        if beside is not None and beside.deleted is not None:
            text += f" and {_text(sweep, beside, beside.deleted)} % {_behind(beside)}"
    return f"{text}. {_chosen(sweep, best)}"


def _in_short(sweep: Sweep, rows: Sequence[Defended]) -> str:
    best, (none, _) = _least(rows), _parted(rows)
    said = f"{best.among}: {best.defence}, {_text(sweep, best, best.error)} % ({sweep.called(best.attack)})"
    if none is None or none is best:
        return said
    overlap = ", intervals overlap" if _overlap(best.error, none.error) else ""
    return f"{said}; without, {_text(sweep, none, none.error)} % ({sweep.called(none.attack)}{overlap})"


def _least(rows: Sequence[Defended]) -> Defended:
    return min(rows, key=lambda row: row.error.mean)


def _parted(rows: Sequence[Defended]) -> tuple[Defended | None, list[Defended]]:
    none = next((row for row in rows if row.defence == "none"), None)
    return none, [row for row in rows if row is not none]


def _brings(sweep: Sweep, row: Defended, error: str) -> str:
    clean = f" ({_text(sweep, row, row.clean)} % without poison)" if row.clean is not None else ""
    return f"{sweep.called(row.attack)} brings {error} to {_text(sweep, row, row.error)} %{clean}"


def _behind(row: Defended) -> str:
    return "with no defence" if row.defence == "none" else f"behind {row.defence}"


def _text(sweep: Sweep, row: Defended, found: Estimate) -> str:
    return estimate_text(found, _planned(sweep, row))


def _planned(sweep: Sweep, row: Defended) -> int:
    return next(one.settings.attack.replicates for one in sweep.configurations if one.id == row.attack)


def _overlap(one: Estimate, other: Estimate) -> bool:
    if one.ends is None or other.ends is None:
        return True
    return one.ends[0] <= other.ends[1] and other.ends[0] <= one.ends[1]


def _chosen(sweep: Sweep, row: Defended) -> str:
    planned = _planned(sweep, row)
    over = f"Means and 95 % intervals over {planned} replicates" if planned > 1 else "One replicate, so no intervals"
    return f"{over}; defences and attacks are chosen by these very numbers."
