"""Paper against here, by interval: which statements a sweep can speak to, what it measured, and the verdict."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pgan_ray.report.curves import combinations
from pgan_ray.report.paper import (
    FRACTION,
    STATEMENTS,
    Along,
    Family,
    Holds,
    Moment,
    Part,
    Rule,
    Sign,
    Statement,
    Where,
    Within,
)
from pgan_ray.report.series import ALPHA, LAMBDA, Path, Series, parameters
from pgan_ray.report.setting import PAPER
from pgan_ray.report.study import Study
from pgan_ray.results import Estimate, estimate

AGREES, DIFFERS, CANNOT_TELL = "agrees", "differs", "cannot tell"
MATCH = 1e-9
ROUNDING = 1e-9
MIN_WIDEST = 0.01
RAW = ("poison_distance", "poison_shift")  # measured in lengths, not in shares of points
_OVERRIDES: dict[str, Path] = {"alpha": ALPHA, "lambda_prior": LAMBDA, "attack": ("attack", "name")}


@dataclass(frozen=True)
class Term:
    """``weight`` x ``rate`` of one series at one poison fraction."""

    weight: float
    series: Series
    fraction: float
    rate: str


@dataclass(frozen=True)
class Finding:
    """One verdict. ``subject``: the series it is about; ``found`` is None where nothing was measured yet."""

    statement: Statement
    subject: str
    found: Estimate | None
    verdict: str
    reason: str


def findings(study: Study, statements: Sequence[Statement] = STATEMENTS) -> list[Finding]:
    """The verdicts on all ``statements`` that the sweep's content can speak to."""
    return [finding for statement in statements for finding in _judge_all(study, statement)]


def combine(study: Study, terms: Sequence[Term]) -> Estimate | None:
    """The weighted sum of ``terms``, taken within each (replicate, run), with its interval over replicates.

    The cells of one replicate and run share their split, whatever the configuration and the poison fraction, so that
    differences within them leave the split's luck out. Cells whose partners are missing do not count.
    """
    values = [study.values(term.series, term.fraction, term.rate) for term in terms]
    if not values:
        return None
    shared = set(values[0]).intersection(*values[1:])
    by_replicate: dict[int, list[float]] = defaultdict(list)
    for key in sorted(shared):
        total = sum(term.weight * found[key] for term, found in zip(terms, values, strict=True))
        by_replicate[key[0]].append(total)
    return estimate(by_replicate.values()) if by_replicate else None


def judge(rule: Rule, found: Estimate | None) -> tuple[str, str]:
    """Verdict and reason."""
    if found is None:
        return CANNOT_TELL, "no results yet"
    if found.half_width is None:
        return CANNOT_TELL, "fewer than two generators"
    # An interval may be a single number: sums of floats must not push it off the bound that it equals.
    low, high = found.mean - found.half_width - ROUNDING, found.mean + found.half_width + ROUNDING
    if isinstance(rule, Within):
        inner, outer = rule.value - rule.tolerance, rule.value + rule.tolerance
        if inner <= low + 2 * ROUNDING and high - 2 * ROUNDING <= outer:
            return AGREES, "the interval is within the tolerance"
        return (
            (DIFFERS, "the interval is outside") if high < inner or low > outer else (CANNOT_TELL, "it may be either")
        )
    if isinstance(rule, Sign):
        if low > rule.than:
            return (AGREES, "the interval is above") if rule.sign > 0 else (DIFFERS, "the interval is above")
        if high < rule.than:
            return (AGREES, "the interval is below") if rule.sign < 0 else (DIFFERS, "the interval is below")
        return CANNOT_TELL, "the interval holds 0" if rule.than == 0 else "the interval holds the bound"
    if high < rule.value:
        return DIFFERS, "the interval is below"
    if low > rule.value:
        return (AGREES if rule.over else DIFFERS), "the interval is above"
    if found.half_width > max(abs(rule.value) / 2, MIN_WIDEST) + ROUNDING:
        return CANNOT_TELL, "the interval is too wide"
    return AGREES, "the interval holds it"


def family(series: Series) -> Family | None:
    """Which of the paper's tasks this is, by data set and classes; None: not one of them."""
    task, dataset = series.settings.task, series.settings.dataset.name
    classes, roles = set(task.classes), (task.source_class, task.poison_class)
    if dataset in ("mnist", "mnist-5k") and roles == (3, 5):
        if classes == {3, 5}:
            return "mnist"
        if classes == set(range(10)):
            return "mnist-ten"
    if dataset == "fashion-mnist" and classes == {7, 9} and roles == (7, 9):
        return "fmnist"
    if dataset == "gaussians":
        return "synthetic"
    return None


def matches(where: Where, one: Series) -> bool:
    """Whether ``one`` is what ``where`` describes."""
    kind, attack, evaluation = family(one), one.settings.attack, one.settings.evaluation
    if (where.families and kind not in where.families) or attack.name != where.attack:
        return False
    weights = parameters(attack)
    if weights:
        alpha, lambda_prior = weights["alpha"], weights["lambda_prior"]
        wanted = [(where.alpha, alpha), (where.lambda_prior, lambda_prior)]
        if any(want is not None and abs(want - got) > MATCH for want, got in wanted):
            return False
        if where.alpha_from is not None and alpha < where.alpha_from - MATCH:
            return False
        if where.alpha_not is not None and abs(alpha - where.alpha_not) <= MATCH:
            return False
    papers_victim = "logistic" if kind == "synthetic" else "mlp"
    if not where.any_victim and evaluation.victim.name != papers_victim:
        return False
    if kind == "synthetic":
        return evaluation.detector.name == "none"
    is_papers = evaluation.detector.name == "knn_distance"
    return is_papers and (where.percentile is None or abs(evaluation.detector.kept_fraction - where.percentile) < MATCH)


def _judge_all(study: Study, statement: Statement) -> Iterator[Finding]:
    anchors = [one for one in study.series if matches(statement.where, one)]
    if statement.where.papers_size:
        anchors = _of_papers_size(anchors)
    if statement.where.any_victim:  # a detector does not know the victim
        anchors = [same[0] for same in combinations(anchors, _under(study, ("evaluation", "victim"))).values()]
    for subject, terms in _sums(study, statement, anchors):
        found = combine(study, terms)
        yield Finding(statement, subject, found, *judge(statement.rule, found))


def _of_papers_size(anchors: list[Series]) -> list[Series]:
    """Those with as many training points as the paper's; all of them where the sweep has one size of its own."""
    sizes = {one.settings.evaluation.train_per_class for one in anchors}
    if len(sizes) < 2:
        return anchors
    return [
        one
        for one in anchors
        if (kind := family(one)) is not None
        and one.settings.evaluation.train_per_class == PAPER[kind]["evaluation"]["train_per_class"]
    ]


def _sums(study: Study, statement: Statement, anchors: list[Series]) -> Iterator[tuple[str, list[Term]]]:
    """(subject, terms) of each measure of ``statement``; nothing where the sweep lacks what it asks for."""
    if statement.along is not None:
        if statement.along.path == FRACTION:
            for one in anchors:
                yield from _over_fractions(statement.parts, statement.along, one)
        else:
            yield from _over_axis(study, statement, statement.along, anchors)
        return
    sums = [(one, terms) for one in anchors if (terms := _terms(study, statement.parts, one)) is not None]
    if statement.pooled:
        sums = _begun(study, sums)
        if sums:
            share = 1 / len(sums)
            pooled = [replace(term, weight=term.weight * share) for _, terms in sums for term in terms]
            yield (f"{len(sums)} series" if len(sums) > 1 else sums[0][0].label), pooled
        return
    for one, terms in sums:
        yield one.label, terms


def _terms(study: Study, parts: Sequence[Part], anchor: Series) -> list[Term] | None:
    terms = []
    for part in parts:
        one = anchor if part.other is None else _other(study, anchor, part.other)
        fraction = None if one is None else _fraction(one, part)
        if one is None or fraction is None:
            return None
        terms.append(Term(part.weight, one, fraction, part.rate))
    return terms


def _fraction(one: Series, part: Part) -> float | None:
    if part.rate in RAW:
        return one.fractions[-1]
    return _moment(one, part.at)


def _moment(one: Series, at: Moment) -> float | None:
    if at == "most":
        return one.fractions[-1] if one.fractions[-1] > 0 else None
    wanted = 0.0 if at == "clean" else at
    return next((fraction for fraction in one.fractions if abs(fraction - float(wanted)) < MATCH), None)


def _other(study: Study, anchor: Series, where: Where) -> Series | None:
    """The series that is as ``anchor`` but for what ``where`` overrides; no values of other axes may differ."""
    given = {key: value for key, value in vars(where).items() if key in _OVERRIDES and value != getattr(Where(), key)}
    free = [_OVERRIDES[key] for key in given]
    wanted = replace(where, families=(), any_victim=True, percentile=None)
    kept = _but(anchor, free)
    for one in study.series:
        others = _but(one, free)
        same = all(others[path] == value for path, value in kept.items() if path in others)
        if same and matches(wanted, one) and (family(one) == family(anchor)):
            return one
    return None


def _but(one: Series, free: Sequence[Path]) -> dict[Path, Any]:
    """Its values on the axes, without what stands at ``free``; an axis may be of a whole section that holds it."""
    kept: dict[Path, Any] = {}
    for path, value in one.choices.items():
        inner = [some[len(path) :] for some in free if some[: len(path)] == path]
        if any(rest in ((), ("name",)) for rest in inner):
            continue  # under another name, a section means something else
        kept[path] = _without(value, inner)
    return kept


def _without(value: Any, paths: Sequence[Path]) -> Any:
    if not paths or not isinstance(value, dict):
        return value
    inner = {key: [path[1:] for path in paths if path[0] == key] for key in value}
    return {key: _without(part, inner[key]) for key, part in value.items() if () not in inner[key]}


def _over_fractions(parts: Sequence[Part], along: Along, one: Series) -> Iterator[tuple[str, list[Term]]]:
    fractions = one.fractions
    if len(fractions) < 2:
        return
    weights = slope_weights(fractions)
    terms = [
        Term(along.per * weight * part.weight, one, fraction, part.rate)
        for weight, fraction in zip(weights, fractions, strict=True)
        for part in parts
    ]
    yield one.label, terms


def _over_axis(
    study: Study, statement: Statement, along: Along, anchors: list[Series]
) -> Iterator[tuple[str, list[Term]]]:
    if not any(axis.path == along.path[: len(axis.path)] for axis in study.axes):
        return
    groups: dict[str, list[Series]] = defaultdict(list)
    for one in anchors:
        groups[repr(_but(one, [along.path]))].append(one)
    for members in groups.values():
        sums = [(one, terms) for one in members if (terms := _terms(study, statement.parts, one)) is not None]
        sums = _begun(study, sums)
        positions = [one.value(along.path) for one, _ in sums]
        if len(set(positions)) < 2:
            continue
        terms = [
            replace(term, weight=along.per * weight * term.weight)
            for weight, (_, some) in zip(slope_weights(positions), sums, strict=True)
            for term in some
        ]
        first, last = sums[0][0], sums[-1][0]
        yield f"{first.label} to {last.label}", terms


def _begun(study: Study, sums: list[tuple[Series, list[Term]]]) -> list[tuple[Series, list[Term]]]:
    """Those that have results; all of them where none has, so that the statement is listed."""
    return [(one, terms) for one, terms in sums if combine(study, terms) is not None] or sums


def slope_weights(xs: Sequence[float]) -> list[float]:
    """What each y counts in the least-squares slope of y over ``xs``."""
    mean = sum(xs) / len(xs)
    spread = sum((x - mean) ** 2 for x in xs)
    return [(x - mean) / spread for x in xs]


def _under(study: Study, section: Path) -> list[Path]:
    return [axis.path for axis in study.axes if axis.path[: len(section)] == section]


def unit(statement: Statement) -> tuple[float, str]:
    """(factor, unit) for people: shares in per cent, differences of shares in points, lengths as they are."""
    slope = f" {statement.along.unit}" if statement.along else ""
    rates = {part.rate for part in statement.parts}
    if rates == {"poison_distance"}:
        return 1.0, "standard deviations" + slope
    if rates & set(RAW):
        return 1.0, slope.strip()
    is_level = len(statement.parts) == 1 and statement.along is None
    return 100.0, "%" if is_level else "points" + slope


def paper_text(statement: Statement) -> str:
    """What the paper's side of the comparison is."""
    factor, what = unit(statement)
    rule = statement.rule
    if isinstance(rule, Holds):
        return f"{'over ' if rule.over else ''}{rule.value * factor:g} {what}".strip().replace("-", "−")
    if isinstance(rule, Within):
        return f"{rule.value * factor:g} ± {rule.tolerance * factor:g} {what}".strip()
    side = "above" if rule.sign > 0 else "below"
    return f"{side} {rule.than * factor:g} {what if rule.than else ''}".strip()


def here_text(statement: Statement, found: Estimate | None) -> str:
    """``12.2 ± 2.2 %``."""
    if found is None:
        return "-"
    factor, what = unit(statement)
    mean, half = found.mean * factor, (found.half_width or 0.0) * factor
    digits = 1 if max(abs(mean), half) >= 1 else 2
    interval = "" if found.half_width is None else f" ± {half:.{digits}f}"
    return f"{mean:.{digits}f}{interval} {what}".strip().replace("-", "−")
