"""Damage against detectability, and the strongest attack that stays within a detection budget."""

from collections.abc import Iterable
from typing import Any

from pgan_ray.figures import palette
from pgan_ray.figures.charts import Group, PointFigure, PointGroup
from pgan_ray.report.curves import half
from pgan_ray.results import BUDGET, HARMS, Ranked, contenders, estimate_text, ranking, rule_of
from pgan_ray.study.study import Study

MAX_NAMES = 8
SEEN = {
    "excess_rejection": "poison rejected beyond genuine points, points",
    "excess_rejection_both": "rejected beyond genuine points by both tails, points",
    "detector_auc": "area under the detector's ROC curve, %",
}
HARM = {"damage": "source class taken for poison class", "error": "test error"}


def tradeoff_group(study: Study) -> Group | None:
    """The attacks of a grid, each at its largest poison fraction; None where nothing detects."""
    if study.record.sweep.search is not None:  # whose own figure shows its trials so
        return None
    ranked = ranked_attacks(study)
    if not ranked:
        return None
    within = [one for one in ranked if one.stays_under]
    seen, written = [one for one in ranked if not one.stays_under], len(ranked) if len(ranked) <= MAX_NAMES else 1
    groups = [
        attack_points(study, "within the budget", palette.GENUINE, within, written=written),
        attack_points(study, "seen", palette.POISON, seen, marker="s", written=written),
    ]
    best = ""
    if within:
        harm = estimate_text(within[0].harm, _planned(study, within[0]))
        best = f" The strongest within it is {_label(study, within[0])}: {harm} points."
    return tradeoff([group for group in groups if group.x], f"{100 * ranked[0].poison_fraction:g} %", best)


def tradeoff(groups: Iterable[PointGroup], poison: str, more: str = "") -> Group:
    """The figure of ``groups``, whose victims had so much ``poison``."""
    figure = PointFigure(
        "tradeoff",
        "Damage against detectability",
        SEEN["excess_rejection"],
        "damage beyond every control, points",
        tuple(groups),
        100 * BUDGET,
    )
    return Group(
        "Harm and detectability",
        f"Damage, the {HARM['damage']}, at {poison} poison beyond the control that leaves the least, against the "
        "rejected share of poison minus that of genuine points. Dashed: the detection budget, "
        f"{100 * BUDGET:g} point.{more} Bars are 95 % intervals over generators.",
        (figure,),
    )


def ranked_attacks(study: Study, poison_fraction: float | None = None) -> list[Ranked]:
    """The attacks of which detectors say something, the strongest that stay within the budget first."""
    changes = [one for one in contenders(study.shown, study.changes) if HARMS["damage"] in one.rates]
    if not any(poison_fraction in (None, one.poison_fraction) for one in changes):
        return []
    rule: dict[str, Any] = {name: rule_of(study.record.sweep)[name] for name in ("budget", "by_every_variant")}
    return [one for one in ranking(changes, poison_fraction=poison_fraction, **rule) if one.excess is not None]


def attack_points(study: Study, label: str, colour: str, attacks: list[Ranked], **style: Any) -> PointGroup:
    """The ``attacks`` of one group, the first of which is to have its name written beside it."""
    excess = [one.excess for one in attacks if one.excess is not None]
    labels = {one.key: one.label for one in study.series}
    return PointGroup(
        label,
        colour,
        tuple(100 * one.mean for one in excess),
        tuple(100 * one.harm.mean for one in attacks),
        tuple(map(half, excess)),
        tuple(half(one.harm) for one in attacks),
        tuple(labels[one.configuration, one.variant] for one in attacks),
        is_large=True,
        **style,
    )


def _label(study: Study, attack: Ranked) -> str:
    return next(one.label for one in study.series if one.key == (attack.configuration, attack.variant))


def _planned(study: Study, attack: Ranked) -> int:
    return next(one.settings.attack.replicates for one in study.series if one.configuration == attack.configuration)
