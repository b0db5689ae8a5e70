"""Which defence leaves the least of the worst that attacks do: the defender's side of a sweep that has several."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from pgan_ray.results.summary import Estimate, estimate, estimate_text
from pgan_ray.spec import Configuration, Sweep, Variant, grid
from pgan_ray.spec.readable import value_names

DEFENCE = ("evaluation", "defence")
REMOVAL = "removal"
WORST = "the worst of the attacks behind each defence, by test error in %; mean ± 95 % interval over generators"
MOST_SAID = 4
"""Victims, or other settings, of which the answer tells; the table has all."""

_Member = tuple[Configuration, Variant]
_Errors = dict[tuple[int, int], float]  # (replicate, run) -> test error
_ByPoint = Mapping[tuple[str, float], _Errors]  # by variant and poison fraction


@dataclass(frozen=True, slots=True)
class Behind:
    """What the worst attack does behind one pipeline of defences, by test error with the most poison, in fractions.

    ``defence``: as people call it; ``is_none``: whether there is none. ``attack``: a configuration's id, and
    ``replicates`` as many as it has. ``clean``: without poison; ``deleted``: of the control `removal`; None where the
    sweep has no such victims. ``more``: than behind the best pipeline of the same group, within pairs of one split;
    None of that one itself, and where no split is the same.
    """

    defence: str
    is_none: bool
    attack: str
    replicates: int
    error: Estimate
    clean: Estimate | None
    deleted: Estimate | None
    more: Estimate | None = None


@dataclass(frozen=True, slots=True)
class ByDefence:
    """Pipelines of defences before the same ``attacks``, so many, with so much poison, in the order of the file.

    ``among``: the victim, or what else the sweep has several of, as people call it. ``left_out``: the attacks, and the
    defences, that are not compared, since not all of their victims have a score.
    """

    among: str
    poison_fraction: float
    attacks: int
    rows: tuple[Behind, ...]
    left_out: tuple[str, ...]

    @property
    def best(self) -> Behind:
        """Where the worst attack does least; no defence at all where one does no better."""
        return min(self.rows, key=lambda row: (row.error.mean, not row.is_none))

    @property
    def none(self) -> Behind | None:
        """Where there is no defence, if that was tried."""
        return next((row for row in self.rows if row.is_none), None)

    @property
    def defences(self) -> list[Behind]:
        """The others, the best first."""
        return sorted((row for row in self.rows if not row.is_none), key=lambda row: row.error.mean)


def bare_variants(sweep: Sweep) -> frozenset[str] | None:
    """The ids of the variants without defences, of a grid that has several pipelines and none among them; else None."""
    if _axis(sweep) is None:
        return None
    found = {variant.id for one in sweep.configurations for variant in one.variants if not variant.evaluation.defence}
    return frozenset(found) or None


def by_defence(sweep: Sweep, scores: Mapping[str, pa.Table]) -> list[ByDefence]:
    """For each victim, or whatever else varies, the pipelines of defences of a grid; [] where it has not several.

    ``scores``: `scores_of` the rows by configuration. An attack is any configuration that is no control.
    """
    axis = _axis(sweep)
    if axis is None:
        return []
    groups: dict[tuple[str, str], dict[str, list[_Member]]] = {}
    called: dict[str, str] = {}
    asked = {0.0}
    for configuration in sweep.configurations:
        for variant in configuration.variants if configuration.is_result else ():
            evaluation = variant.evaluation
            others = configuration.setting, evaluation.model_dump_json(exclude={"defence"})
            pipeline = evaluation.model_dump_json(include={"defence"})
            groups.setdefault(others, {}).setdefault(pipeline, []).append((configuration, variant))
            called.setdefault(pipeline, evaluation.defence_name or "none")
            asked.add(max(evaluation.poison_fractions))
    if len(called) == len(axis.values):  # they are in its order; else two of its values mean the same
        called = dict(zip(called, value_names(axis.values), strict=True))
    tokens = {f"{axis.label}={grid.value_id(axis, value)}" for value in axis.values}
    every = {name: _errors(table, asked) for name, table in scores.items()}
    found = (_group(sweep, pipelines, called, tokens, every) for pipelines in groups.values())
    return [group for group in found if group is not None]


def _axis(sweep: Sweep) -> grid.Axis | None:
    if sweep.search is not None and sweep.search.spec.against == "all":  # no attack is made for any one of them
        return None
    axes = (axis for axis in grid.axes(sweep.document) if axis.path == DEFENCE and len(axis.values) > 1)
    return next(axes, None)


def _group(
    sweep: Sweep,
    pipelines: Mapping[str, Sequence[_Member]],
    called: Mapping[str, str],
    tokens: Iterable[str],
    every: Mapping[str, _ByPoint],
) -> ByDefence | None:
    members = next(iter(pipelines.values()))
    first, variant = members[0]
    at = max(variant.evaluation.poison_fractions)
    scored = {name: _scored(found, at, every) for name, found in pipelines.items()}
    lacking = [called[name] for name, attacks in scored.items() if not attacks]
    scored = {name: attacks for name, attacks in scored.items() if attacks}
    planned = [one.id for one, _ in members if not one.is_control]
    common = [name for name in planned if scored and all(name in attacks for attacks in scored.values())]
    if not at or len(scored) < 2 or not common:
        return None
    found = [_behind(called[name], pipelines[name], scored[name], common, at, every) for name in scored]
    among = ",".join(part for part in (first.setting, *variant.id.split(",")) if part and part not in tokens)
    left_out = (*(sweep.called(name) for name in planned if name not in common), *lacking)
    group = ByDefence(sweep.in_words(among), at, len(common), tuple(row for row, _ in found), left_out)
    beside = next(errors for row, errors in found if row is group.best)
    rows = (row if errors is beside else replace(row, more=_more(errors, beside)) for row, errors in found)
    return replace(group, rows=tuple(rows))


def _behind(
    defence: str,
    members: Sequence[_Member],
    attacks: Mapping[str, _Errors],
    common: Sequence[str],
    at: float,
    every: Mapping[str, _ByPoint],
) -> tuple[Behind, _Errors]:
    """The worst of the ``common`` attacks behind one pipeline of defences, and its errors."""
    estimates = {name: _error(attacks[name]) for name in common}
    worst = max(common, key=lambda name: estimates[name].mean)
    one, variant = next(member for member in members if member[0].id == worst)
    removal = next((control.id for control, _ in members if control.settings.attack.name == REMOVAL), "")
    clean, deleted = every[worst].get((variant.id, 0.0)), every.get(removal, {}).get((variant.id, at))
    row = Behind(
        defence,
        not variant.evaluation.defence,
        worst,
        one.settings.attack.replicates,
        estimates[worst],
        _error(clean) if clean else None,
        _error(deleted) if deleted else None,
    )
    return row, attacks[worst]


def _errors(scores: pa.Table, asked: Set[float]) -> _ByPoint:
    """Those of the poison fractions that are ``asked`` for: a large sweep has many more."""
    shown = scores.filter(pc.is_in(scores["poison_fraction"], pa.array(sorted(asked), pa.float64())))
    found: dict[tuple[str, float], _Errors] = defaultdict(dict)
    columns = (shown[name].to_pylist() for name in ("variant", "poison_fraction", "replicate", "run", "test_error"))
    for variant, fraction, replicate, run, error in zip(*columns, strict=True):
        found[variant, fraction][replicate, run] = error
    return found


def _scored(members: Sequence[_Member], at: float, every: Mapping[str, _ByPoint]) -> dict[str, _Errors]:
    """The cells of each attack all of whose replicates have a score."""
    found = {}
    for one, variant in members:
        cells = every.get(one.id, {}).get((variant.id, at), {})
        if not one.is_control and len({replicate for replicate, _ in cells}) == one.settings.attack.replicates:
            found[one.id] = cells
    return found


def _more(errors: _Errors, than: _Errors) -> Estimate | None:
    found = {key: errors[key] - than[key] for key in errors.keys() & than.keys()}
    return _error(found) if found else None


def _error(errors: _Errors) -> Estimate:
    by_replicate: dict[int, list[float]] = defaultdict(list)
    for (replicate, _), value in sorted(errors.items()):
        by_replicate[replicate].append(value)
    return estimate(by_replicate.values())


def worst_rows(sweep: Sweep, groups: Sequence[ByDefence]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The columns and rows of a table of ``groups``, in words and per cent; the last four columns are numbers."""
    several = len(groups) > 1
    columns = (*(("victims",) if several else ()), "defence", "worst attack")
    rows = tuple(
        (
            *((group.among,) if several else ()),
            row.defence,
            f"{100 * group.poison_fraction:g} % {sweep.called(row.attack)}",
            estimate_text(row.error, row.replicates),
            *(estimate_text(found) for found in (row.more, row.clean, row.deleted)),
        )
        for group in groups
        for row in group.rows
    )
    return (*columns, "test error", "beyond the best", "without poison", "points only deleted"), rows


def defence_answer(sweep: Sweep, groups: Sequence[ByDefence]) -> str:
    """A few sentences on ``groups``, as `by_defence` gives them; empty where there are none."""
    if not groups:
        return ""
    replicates = {row.replicates for group in groups for row in group.rows}
    over = f"{min(replicates)}{'' if len(replicates) == 1 else f' to {max(replicates)}'} replicates"
    means = "One replicate, so no intervals" if replicates == {1} else f"Means with 95 % intervals over {over}"
    if len(groups) == 1:
        told = _at_length(sweep, groups[0])
    else:
        short = "; ".join(_in_short(sweep, group) for group in groups[:MOST_SAID])
        more = len(groups) - MOST_SAID
        others = f"; the report has {more:,} more" if more > 0 else ""
        told = f"The best defences, by the mean test error with the worst attack: {short}{others}."
    left_out = dict.fromkeys(name for group in groups for name in group.left_out)
    without = f" Not compared, because scores are missing: {', '.join(left_out)}." if left_out else ""
    chosen = "defences and attacks are chosen by these same numbers"
    searched = " The attacks are the best of a search against each variant." if sweep.search is not None else ""
    return f"{told}{searched} {means}, differences within pairs with the same split; {chosen}.{without}"


def _at_length(sweep: Sweep, group: ByDefence) -> str:
    best, none, defences = group.best, group.none, group.defences
    poison = f"by the mean test error at {100 * group.poison_fraction:g} % poison"
    worst = f"the worst of {group.attacks} attacks" if group.attacks > 1 else "the attack"
    if best is none:
        which = f"None of {len(defences)} defences" if len(defences) > 1 else f"The defence {defences[0].defence}"
        verb = "is" if len(defences) > 1 else "is not"
        text = f"{which} {verb} better than no defence, {poison}: without one, {worst}"
    elif len(defences) > 1:
        text = f"The best of {len(defences)} defences is {best.defence}, {poison}: behind it, {worst}"
    else:
        text = f"The defence {best.defence} is better than none, {poison}: behind it, {worst}"
    clean = "" if best.clean is None else f" ({estimate_text(best.clean)} % without poison)"
    text += f", {sweep.called(best.attack)}, brings the error to {estimate_text(best.error)} %{clean}"
    if none is not None and none is not best:
        text += f". Without a defence, {_beside(sweep, group, none)}"
    if following := next((row for row in defences if row is not best), None):
        which = "the next best" if best is not none else "the best of them" if len(defences) > 1 else "it"
        named = f"{which}, {following.defence}" if len(defences) > 1 else which
        text += f". Behind {named}, {_beside(sweep, group, following)}"
    if best.deleted is not None:
        beside = none if none is not best else following
        text += f". Where as many points are only deleted, it is {estimate_text(best.deleted)} % {_place(best)}"
        if beside is not None and beside.deleted is not None:
            text += f" and {estimate_text(beside.deleted)} % {_place(beside)}"
    return f"{text}."


def _beside(sweep: Sweep, group: ByDefence, row: Behind) -> str:
    """What the worst attack does behind ``row``, beside the best of its ``group``."""
    worst = f"the worst, {sweep.called(row.attack)}, brings it" if group.attacks > 1 else "the error is brought"
    more = f", {estimate_text(row.more)} points more" if row.more is not None else ""
    unsure = ", which is not significant" if _is_open(row) else ""
    return f"{worst} to {estimate_text(row.error)} %{more}{unsure}"


def _in_short(sweep: Sweep, group: ByDefence) -> str:
    best, none = group.best, group.none
    poison = f"{100 * group.poison_fraction:g} % {sweep.called(best.attack)}"
    name = "none of them" if best is none else best.defence
    said = f"{group.among}: {name}, {estimate_text(best.error)} % (worst: {poison}"
    if none is not None and none is not best:
        said += f"; without a defence {_more_text(none)}"
    if following := next((row for row in group.defences if row is not best), None):
        said += f"; {'best of them' if best is none else 'next'} {following.defence}, {_more_text(following)}"
    return f"{said})"


def _more_text(row: Behind) -> str:
    if row.more is None:
        return f"{estimate_text(row.error)} %"
    return f"{estimate_text(row.more)} points more{', not significant' if _is_open(row) else ''}"


def _is_open(row: Behind) -> bool:
    """Whether its difference from the best may be none, by its interval."""
    return row.more is not None and row.more.half_width is not None and row.more.mean <= row.more.half_width


def _place(row: Behind) -> str:
    return "without a defence" if row.is_none else f"behind {row.defence}"
