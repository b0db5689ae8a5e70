"""Which attack does the most harm among those that the detectors leave alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

from pgan_ray.errors import SpecError
from pgan_ray.results.by_defence import bare_variants
from pgan_ray.results.changes import Change
from pgan_ray.results.summary import Estimate
from pgan_ray.spec import Sweep

BUDGET = 0.01
"""How much more of the poison than of the genuine points an attack's detectors may reject to count as left alone."""
HARMS = {"damage": "false_positive_rate", "error": "test_error"}
"""What attacks are ranked by, with its name in `Change.rates`: the source class taken for the poison class, or the test
error."""
TAILS = {"sweep": "excess_rejection", "both": "excess_rejection_both"}
"""Whose rejections count, with their name in `Change.detectability`: the sweep's own detectors', or what these would
reject by both tails of their scores."""

_Attack = tuple[str, str, float]  # configuration, variant, poison fraction


@dataclass(frozen=True, slots=True)
class Ranked:
    """One attack, a curve of a configuration, at one poison fraction.

    ``harm``: how much more its victims err, in fractions, than those of the ``control`` beside which that is least.
    ``excess``: the share of its poison that is rejected minus that of the genuine points, or of its configuration's
    variant where that is largest; None where nothing detects.
    ``stays_under``: whether the mean excess is within the budget; ``is_sure``: and its interval on the same side.
    """

    configuration: str
    variant: str
    poison_fraction: float
    harm: Estimate
    control: str
    excess: Estimate | None
    stays_under: bool
    is_sure: bool

    @property
    def is_open(self) -> bool:
        """Whether the interval of the excess holds the budget; not where there is no interval."""
        return not self.is_sure and self.excess is not None and self.excess.half_width is not None


def ranking(
    changes: Iterable[Change],
    *,
    budget: float = BUDGET,
    harm: str = "damage",
    tails: str = "sweep",
    poison_fraction: float | None = None,
    by_every_variant: bool = False,
) -> list[Ranked]:
    """Attacks by their harm, those first whose mean excess of rejections is at most ``budget``.

    ``tails``: of `TAILS`, or the name of another of `Change.detectability`, which counts in place of the excess.
    ``poison_fraction``: by default the largest. ``by_every_variant``: whether an attack's excess is the largest of its
    configuration's variants', such as of several detectors. Raises `SpecError` where no victims are of it.
    """
    rate = HARMS[harm]
    every = [change for change in changes if rate in change.rates]
    fractions = sorted({change.poison_fraction for change in every})
    if not fractions:
        raise SpecError(
            ["a ranking must have poisoned victims and, to compare them with, clean ones or a control's, got none"]
        )
    at = fractions[-1] if poison_fraction is None else poison_fraction
    if at not in fractions:
        known = ", ".join(f"{fraction:g}" for fraction in fractions)
        raise SpecError([f"the poison fraction must be one that has victims ({known}), got {at!r}"])
    least = least_beyond((change for change in every if change.poison_fraction == at), rate)
    metric = TAILS.get(tails, tails)
    excess = {_attack_of(one): one.detectability.get(metric) for one in least}
    if by_every_variant:
        excess = _largest(excess)
    found = [_ranked(one, one.rates[rate], excess[_attack_of(one)], budget) for one in least]
    return sorted(found, key=lambda one: (not one.stays_under, -one.harm.mean))


def rule_of(sweep: Sweep) -> dict[str, Any]:
    """How the attacks of ``sweep`` are ranked, as `ranking` takes it: by what it searches for, if it does."""
    if sweep.search is None:
        return {"budget": BUDGET, "by_every_variant": False}
    spec = sweep.search.spec
    budget = spec.detectability.at_most if spec.goal == "worst_case" else BUDGET
    # Searched against each variant, an attack has to escape the detectors of that one alone.
    every = spec.against == "all"
    return {"budget": budget, "harm": spec.harm, "tails": spec.detectability.metric, "by_every_variant": every}


def rule_for(
    sweep: Sweep, budget: float | None = None, harm: str | None = None, tails: str | None = None
) -> dict[str, Any]:
    """`rule_of` ``sweep``, with what is asked for in its place.

    A ``budget`` or ``tails`` (of `TAILS`) alone means what it means of a grid, whatever measure a search goes by: the
    other one is then `BUDGET`, or ``sweep``. Raises `SpecError` where ``harm`` or ``tails`` is none that there is, or
    the ``budget`` no share.
    """
    if budget is not None and not (isinstance(budget, Real) and -1 <= budget <= 1):
        raise SpecError([f"detection_budget: must be a number from -1 to 1, got {budget!r}"])
    for name, value, known in (("by", harm, HARMS), ("tails", tails, TAILS)):
        if value is not None and value not in known:
            raise SpecError([f"{name}: must be {' or '.join(known)}, got {value!r}"])
    rule = {"harm": "damage", "tails": TAILS["sweep"], **rule_of(sweep)}
    if budget is not None or tails is not None:
        rule |= {"budget": BUDGET if budget is None else budget, "tails": TAILS[tails or "sweep"]}
    return rule if harm is None else {**rule, "harm": harm}


def contenders(sweep: Sweep, changes: Iterable[Change]) -> list[Change]:
    """Those of ``changes`` by which the attacks of ``sweep`` are ranked: of its results.

    Where it has several pipelines of defences, without any: what a defence does to genuine points is no strength of an
    attack.
    """
    bare = bare_variants(sweep)
    return [one for one in changes if one.configuration in sweep.result_ids and (bare is None or one.variant in bare)]


def is_area(rule: Mapping[str, Any]) -> bool:
    """Whether detectability is an AUC by a ``rule`` as `rule_of` gives it: it is told in %, and all else in points."""
    return rule.get("tails") == "detector_auc"


def budget_text(rule: Mapping[str, Any]) -> str:
    """The budget of a ``rule``, as `rule_of` gives it, with its unit."""
    amount = round(100 * rule["budget"], 6)
    if is_area(rule):
        return f"{amount:g} %"
    return f"{amount:g} {'point' if abs(amount) == 1 else 'points'}"


def units_text(rule: Mapping[str, Any]) -> str:
    """In what harm and detectability are told, where both are, by a ``rule`` as `rule_of` gives it."""
    return "points; detectability: AUC in %" if is_area(rule) else "points"


def strongest(sweep: Sweep, changes: Iterable[Change]) -> list[Change]:
    """The ``changes`` of the attack that is first in the `ranking` of ``sweep``; [] where there is none.

    In all variants of its evaluation: of several detectors the one that sees most may count.
    """
    own = contenders(sweep, changes)
    try:
        first = ranking(own, **rule_of(sweep))[0]
    except SpecError:
        return []
    key = first.configuration, first.poison_fraction
    return [one for one in own if (one.configuration, one.poison_fraction) == key]


def least_beyond(changes: Iterable[Change], rate: str) -> list[Change]:
    """Of each attack the change beyond that control beside which its ``rate`` rises least."""
    least: dict[_Attack, Change] = {}
    for change in changes:
        key = _attack_of(change)
        if key not in least or change.rates[rate].mean < least[key].rates[rate].mean:
            least[key] = change
    return list(least.values())


def _largest(excess: Mapping[_Attack, Estimate | None]) -> dict[_Attack, Estimate | None]:
    """For each variant, the excess in that one of its configuration's whose detectors see most."""
    most: dict[tuple[str, float], Estimate] = {}
    for (configuration, _, fraction), found in excess.items():
        key = configuration, fraction
        if found is not None and (key not in most or found.mean > most[key].mean):
            most[key] = found
    return {attack: most.get((attack[0], attack[2])) for attack in excess}


def _attack_of(one: Change | Ranked) -> _Attack:
    return one.configuration, one.variant, one.poison_fraction


def _ranked(change: Change, harm: Estimate, excess: Estimate | None, budget: float) -> Ranked:
    is_under, is_sure = True, True
    if excess is not None:
        is_under = excess.mean <= budget
        half = excess.half_width
        is_sure = half is not None and (excess.mean + half <= budget if is_under else excess.mean - half > budget)
    at = change.poison_fraction
    return Ranked(change.configuration, change.variant, at, harm, change.control, excess, is_under, is_sure)
