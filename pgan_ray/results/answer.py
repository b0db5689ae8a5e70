"""A sweep's answer in words: which defence helps, and the strongest attack that detectors leave alone."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pgan_ray.results.by_defence import ByDefence, bare_variants, defence_answer
from pgan_ray.results.changes import NONE, Change
from pgan_ray.results.ranking import HARMS, Ranked, budget_text, contenders, ranking, rule_of
from pgan_ray.results.summary import Point, estimate_text
from pgan_ray.spec import Settings, Sweep

DAMAGE = HARMS["damage"]
SEEN_BY = {"excess_rejection_both": "by both tails of their scores, ", "detector_auc": "by the AUC of their scores, "}
"""What a search that does not go by what its detectors reject goes by, as `ranking` has it in ``tails``."""
JUDGED_BY = {"damage": "how much of the source class is taken for the poison class", "error": "the test error"}
"""By what attacks are ranked, as `ranking` has it in ``harm``."""


def answer(
    sweep: Sweep, points: Iterable[Point], changes: Iterable[Change], by_defence: Sequence[ByDefence] = ()
) -> str:
    """A few sentences; empty where no victims tell of an attack. The strongest attack is that of `ranking`.

    Where a sweep has several pipelines of defences, first of these, and then of attacks where there is none.
    """
    told = [defence_answer(sweep, by_defence), _of_attacks(sweep, points, changes)]
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
    rule = rule_of(sweep)
    ranked = ranking((change for found in beside.values() for change in found), **rule)
    best, left_alone = ranked[0], sum(one.stays_under for one in ranked)
    key = best.configuration, best.variant, best.poison_fraction
    which = _which(ranked, rule)
    if bare_variants(sweep) is not None:
        which = (
            f"Without a defence, and judged by {JUDGED_BY[rule.get('harm', 'damage')]}, {which[0].lower()}{which[1:]}"
        )
    which = f"{which}{100 * key[2]:g} % poison of {sweep.called(*key[:2])}."
    harm = _harm(sweep, at[key], at.get((*key[:2], 0.0)), beside[key])
    chosen = left_alone or len(ranked)
    flattered = f" It was chosen from {chosen} by these same numbers, so they flatter it." if chosen > 1 else ""
    return " ".join(filter(None, (which, harm, _caught(sweep, at[key]), _unsure(best, rule)))) + flattered


def _which(ranked: Sequence[Ranked], rule: Mapping[str, Any]) -> str:
    count, left_alone = len(ranked), sum(one.stays_under for one in ranked)
    same = len({one.variant for one in ranked}) == 1
    kinds = "attacks" if same else "pairs of attack and evaluation"
    if left_alone == count:
        return f"The strongest of {count} {kinds} is " if count > 1 else "The attack is "
    by = SEEN_BY.get(rule.get("tails", ""), "")
    if left_alone:
        text = f"{by}the detectors leave {left_alone} of {count} {kinds} alone"
        text += "; the strongest of these is " if left_alone > 1 else ": "
    else:
        if any(one.is_open for one in ranked):
            by = f"on average, {by}" if by else "on average "
        every = "" if count == 1 else f"{'every attack' if same else f'all {count} {kinds}'}; the strongest is "
        text = f"{by}the detectors see {every}"
    return text[0].upper() + text[1:]


def _unsure(best: Ranked, rule: Mapping[str, Any]) -> str:
    """What the strongest attack's intervals leave open; that one replicate has none is told of before."""
    said, half = [], best.harm.half_width
    if half is not None and best.harm.mean - half <= 0:
        said.append(f"It does not do significantly more harm than the control `{best.control}`.")
    if best.is_open:
        whose = " of the one that sees most" if best.variant and rule["by_every_variant"] else ""
        limit = f"the interval{whose} contains the limit, {budget_text(rule)}"
        said.append(f"It is not certain that the detectors leave it alone: {limit}.")
    return " ".join(said)


def _harm(sweep: Sweep, point: Point, clean: Point | None, changes: list[Change]) -> str:
    settings = _settings(sweep, point)
    planned, task = settings.attack.replicates, settings.task

    def rate(name: str) -> str:
        without = clean.rates.get(name) if clean is not None else None
        beside = f" ({estimate_text(without, planned)} % without poison)" if without is not None else ""
        return f"{estimate_text(point.rates.get(name), planned)} %{beside}"

    than = {NONE: "in clean victims", "removal": "where as many points are only deleted"}
    more = ", ".join(
        f"{estimate_text(change.rates[DAMAGE], planned)} points more than {than.get(change.control, change.control)}"
        for change in changes
    )
    taken = f"class {task.source_class} is taken for class {task.poison_class}"
    over = f"means with 95 % intervals over {planned} replicates" if planned > 1 else "one replicate, so no intervals"
    return f"With it ({over}), {taken} in {rate(DAMAGE)}: {more}. The test error is {rate('test_error')}."


def _settings(sweep: Sweep, point: Point) -> Settings:
    """Of its variant."""
    (found,) = (one for one in sweep.configurations if one.id == point.configuration)
    (variant,) = (one for one in found.variants if one.id == point.variant)
    return found.settings.model_copy(update={"evaluation": variant.evaluation})


def _caught(sweep: Sweep, point: Point) -> str:
    """What becomes of the poison, and of genuine points, in detectors and defences; empty where there are none."""
    settings = _settings(sweep, point)
    planned, evaluation = settings.attack.replicates, settings.evaluation

    def pair(name: str, more: str, ending: str = "") -> str:
        shares = [point.rates.get(f"{name}_{kind}{ending}") for kind in ("poison", "genuine")]
        if None in shares:
            return ""
        poison, genuine = (estimate_text(share, planned) for share in shares)
        return more.format(poison, genuine)

    said = []
    if evaluation.detector.component.filters:
        said = [pair("rejected", "The detectors reject {} % of this poison and {} % of genuine points")]
        said += [pair("rejected", "by both tails of their scores, {} % and {} %", "_both")]
    sentences = [said]
    if evaluation.defence:
        dropped = pair("dropped", "The defences drop {} % of this poison and {} % of genuine points")
        sentences.append([dropped, pair("relabelled", "they relabel {} % and {} %")])
    return " ".join(f"{'; '.join(filter(None, parts))}." for parts in sentences if any(parts))
