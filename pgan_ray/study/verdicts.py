"""Paper against here, by interval: which statements a sweep can speak to, what it measured, and the verdict."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pgan_ray.results import NONE, Estimate, estimate
from pgan_ray.study.paper import STATEMENTS, Along, Family, Moment, Part, Statement, Where
from pgan_ray.study.rules import RAW, VERDICTS, judge
from pgan_ray.study.series import ALPHA, LAMBDA, Path, Series, combinations, parameters
from pgan_ray.study.setting import PAPER
from pgan_ray.study.study import Study, Values

MATCH = 1e-9
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


def findings(study: Study) -> list[Finding]:
    """The verdicts on all statements of the paper that the sweep's content can speak to."""
    return [finding for statement in STATEMENTS for finding in _judge_all(study, statement)]


def combine(study: Study, terms: Sequence[Term]) -> Estimate | None:
    """The weighted sum of ``terms``, as `weighted` takes it."""
    return weighted([(term.weight, study.values(term.series, term.fraction, term.rate)) for term in terms])


def weighted(parts: Sequence[tuple[float, Values]]) -> Estimate | None:
    """The sum of all values by their weights, taken within each (replicate, run), with its interval over replicates.

    The cells of one replicate and run share their split, whatever the configuration and the poison fraction, so that
    differences within them leave the split's luck out. Cells whose partners are missing do not count.
    """
    if not parts:
        return None
    shared = set.intersection(*(set(values) for _, values in parts))
    by_replicate: dict[int, list[float]] = defaultdict(list)
    for key in sorted(shared):
        by_replicate[key[0]].append(sum(weight * values[key] for weight, values in parts))
    return estimate(by_replicate.values()) if by_replicate else None


def by_statement(found: Sequence[Finding]) -> list[tuple[Statement, list[Finding]]]:
    """``found`` in the paper's order, a statement with all its findings."""
    groups: dict[int, tuple[Statement, list[Finding]]] = {}
    for one in found:
        groups.setdefault(id(one.statement), (one.statement, []))[1].append(one)
    return list(groups.values())


def overall(found: Sequence[Finding]) -> str:
    """The verdict on a statement with these findings: it holds where all of them do."""
    return max((one.verdict for one in found), key=VERDICTS.index)


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
    if getattr(attack, "pool", None) is not None:
        return False  # the paper's flipping takes the nearest of all
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
    if evaluation.defence:
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
    if not any(part.beyond for part in statement.parts):
        for subject, terms in _sums(study, statement, anchors):
            found = combine(study, terms)
            yield Finding(statement, subject, found, *judge(statement.rule, found))
        return
    controls = list(dict.fromkeys([NONE, *(c.settings.attack.name for one in anchors for c in study.controls_of(one))]))
    for control in controls:
        for subject, terms in _sums(study, statement, anchors, control):
            found = combine(study, terms)
            subject = f"{subject}, beyond {control}"
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


def _sums(
    study: Study, statement: Statement, anchors: list[Series], control: str = NONE
) -> Iterator[tuple[str, list[Term]]]:
    """(subject, terms) of each measure of ``statement``; nothing where the sweep lacks what it asks for.

    ``control``: beyond which parts are taken that say so.
    """
    if statement.along is not None:
        yield from _over_axis(study, statement, statement.along, anchors, control)
        return
    sums = [(one, terms) for one in anchors if (terms := _terms(study, statement.parts, one, control)) is not None]
    if statement.pooled:
        sums = _begun(study, sums)
        if sums:
            share = 1 / len(sums)
            pooled = [replace(term, weight=term.weight * share) for _, terms in sums for term in terms]
            yield (f"{len(sums)} series" if len(sums) > 1 else sums[0][0].label), pooled
        return
    for one, terms in sums:
        yield one.label, terms


def _terms(study: Study, parts: Sequence[Part], anchor: Series, control: str) -> list[Term] | None:
    terms: list[Term] = []
    for part in parts:
        one = anchor if part.other is None else _other(study, anchor, part.other)
        fraction = None if one is None else _fraction(one, part)
        if one is None or fraction is None:
            return None
        terms.append(Term(part.weight, one, fraction, part.rate))
        if part.beyond:
            beside = control_of(study, one, fraction, control)
            if beside is None:
                return None
            terms.append(Term(-part.weight, *beside, part.rate))
    return terms


def control_of(study: Study, one: Series, fraction: float, control: str) -> tuple[Series, float] | None:
    """The series and the poison fraction of the ``control`` of ``one`` at this ``fraction``; None where it has none."""
    known = next((c for c in study.controls_of(one) if c.settings.attack.name == control), None)
    if known is not None:
        return (known, fraction) if fraction in known.fractions else None
    return (one, 0.0) if control == NONE and 0.0 in one.fractions else None


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
    if where.next_alpha:
        return _next_alpha(study, anchor)
    for one in study.every_series:
        others = _but(one, free)
        same = all(others[path] == value for path, value in kept.items() if path in others)
        if same and matches(wanted, one) and (family(one) == family(anchor)):
            return one
    return None


def _next_alpha(study: Study, anchor: Series) -> Series | None:
    """The series that differs from ``anchor`` in nothing but the next larger alpha."""
    kept = _but(anchor, [ALPHA])
    larger = [
        one
        for one in study.series
        if one.alpha is not None
        and anchor.alpha is not None
        and one.alpha > anchor.alpha + MATCH
        and _but(one, [ALPHA]) == kept
    ]
    return min(larger, key=lambda one: one.alpha or 0.0, default=None)


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


def _over_axis(
    study: Study, statement: Statement, along: Along, anchors: list[Series], control: str
) -> Iterator[tuple[str, list[Term]]]:
    if not any(axis.path == along.path[: len(axis.path)] for axis in study.axes):
        return
    groups: dict[str, list[Series]] = defaultdict(list)
    for one in anchors:
        groups[repr(_but(one, [along.path]))].append(one)
    for members in groups.values():
        sums = [(one, terms) for one in members if (terms := _terms(study, statement.parts, one, control)) is not None]
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
