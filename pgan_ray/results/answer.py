"""A sweep's answer in words: which defence helps, and the strongest attack that detectors leave alone."""

from collections.abc import Iterable

from pgan_ray.results.changes import NONE, Change
from pgan_ray.results.defended import defence_answer, defended, undefended
from pgan_ray.results.ranking import HARMS, contenders, ranking, rule_of
from pgan_ray.results.summary import Point, estimate_text
from pgan_ray.spec import Settings, Sweep

DAMAGE = HARMS["damage"]


def answer(sweep: Sweep, points: Iterable[Point], changes: Iterable[Change]) -> str:
    """A few sentences; empty where no victims tell of an attack. The strongest attack is that of `ranking`.

    Where a sweep has several pipelines of defences, first of these, and then of attacks where there is none.
    """
    points = list(points)
    told = [defence_answer(sweep, defended(sweep, points)), _of_attacks(sweep, points, changes)]
    return " ".join(text for text in told if text)


def _of_attacks(sweep: Sweep, points: Iterable[Point], changes: Iterable[Change]) -> str:
    at = {(point.configuration, point.variant, point.poison_fraction): point for point in points}
    beside: dict[tuple[str, str, float], list[Change]] = {}
    for change in contenders(sweep, changes):
        key = change.configuration, change.variant, change.poison_fraction
        if DAMAGE in change.rates and key in at:
            beside.setdefault(key, []).append(change)
    if not beside:
        return ""
    ranked = ranking((change for found in beside.values() for change in found), **rule_of(sweep))
    best, left_alone = ranked[0], sum(one.stays_under for one in ranked)
    key = best.configuration, best.variant, best.poison_fraction
    found = _which(len(ranked), left_alone, is_bare=undefended(sweep) is not None)
    which = f"{found}{100 * key[2]:g} % poison of {sweep.called(*key[:2])}."
    harm = _harm(sweep, at[key], at.get((*key[:2], 0.0)), beside[key])
    chosen = left_alone or len(ranked)
    flattered = f" It is the best of {chosen} by these very numbers, which flatter it." if chosen > 1 else ""
    return f"{which} {harm} {_rejected(sweep, at[key])}".rstrip() + flattered


def _which(attacks: int, left_alone: int, *, is_bare: bool) -> str:
    if not left_alone:
        said = f"the detectors see {'every attack; the strongest is ' if attacks > 1 else ''}"
    elif left_alone == attacks:
        said = f"the strongest of {attacks} attacks is " if attacks > 1 else "the attack is "
    else:
        said = f"of {attacks} attacks the detectors leave {left_alone} alone, of which the strongest is "
    return f"With no defence {said}" if is_bare else said[0].upper() + said[1:]


def _harm(sweep: Sweep, point: Point, clean: Point | None, changes: list[Change]) -> str:
    settings = _settings(sweep, point)
    planned, task = settings.attack.replicates, settings.task

    def rate(name: str) -> str:
        without = clean.rates.get(name) if clean is not None else None
        beside = f" ({estimate_text(without, planned)} % without poison)" if without is not None else ""
        return f"{estimate_text(point.rates.get(name), planned)} %{beside}"

    than = {NONE: "in clean victims", "removal": "where as many points are deleted"}
    more = ", ".join(
        f"{estimate_text(change.rates[DAMAGE], planned)} points more than {than.get(change.control, change.control)}"
        for change in changes
    )
    taken = f"class {task.source_class} is taken for class {task.poison_class}"
    over = f"means and 95 % intervals over {planned} replicates" if planned > 1 else "one replicate, so no intervals"
    return f"With it ({over}) {taken} in {rate(DAMAGE)}: {more}. The test error is {rate('test_error')}."


def _settings(sweep: Sweep, point: Point) -> Settings:
    """Of its variant."""
    (found,) = (one for one in sweep.configurations if one.id == point.configuration)
    (variant,) = (one for one in found.variants if one.id == point.variant)
    return found.settings.model_copy(update={"evaluation": variant.evaluation})


def _rejected(sweep: Sweep, point: Point) -> str:
    settings = _settings(sweep, point)
    if not settings.evaluation.detector.component.filters:
        return ""
    planned = settings.attack.replicates

    def pair(ending: str) -> tuple[str, str] | None:
        poison, genuine = (point.rates.get(f"rejected_{kind}{ending}") for kind in ("poison", "genuine"))
        if poison is None or genuine is None:
            return None
        return estimate_text(poison, planned), estimate_text(genuine, planned)

    if (said := pair("")) is None:
        return ""
    shares = [f"{said[0]} % of this poison and {said[1]} % of genuine points"]
    if (both := pair("_both")) is not None:
        shares.append(f"by both tails of their scores {both[0]} % and {both[1]} %")
    return f"The detectors reject {'; '.join(shares)}."
