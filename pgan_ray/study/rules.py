"""How an interval is judged against what the paper says, and both sides in words."""

from pgan_ray.results import Estimate, one_sided
from pgan_ray.study.paper import Holds, Rule, Sign, Statement, Within

AGREES, COMPATIBLE, CANNOT_TELL, DIFFERS = "agrees", "compatible", "cannot tell", "differs"
VERDICTS = (AGREES, COMPATIBLE, CANNOT_TELL, DIFFERS)
"""By what they are worth to a statement: one about several series is worth what the last of its verdicts is."""
LEAST_GENERATORS = 3
"""Of two the interval is twelve times as wide as their deviation, and says nothing about it."""
ROUNDING = 1e-9
MIN_WIDEST = 0.01
RAW = ("poison_distance", "poison_shift")  # measured in lengths, not in shares of points


def judge(rule: Rule, found: Estimate | None) -> tuple[str, str]:
    """Verdict and reason.

    A claim of more or less than something *agrees* where the one-sided 95 % interval lies on its side: were the truth
    at the bound, it would be called so in one case of twenty. A number is *compatible* where its interval holds it and
    is narrow enough to exclude half of it: no sample shows that two numbers are equal. A claim of ``over`` a number
    may be either.
    """
    if found is None:
        return CANNOT_TELL, "no results yet"
    if found.half_width is None or found.replicates < LEAST_GENERATORS:
        return CANNOT_TELL, f"fewer than {LEAST_GENERATORS} generators"
    if found.half_width <= ROUNDING:
        return CANNOT_TELL, "all generators gave the same value"
    if isinstance(rule, Within):
        return _within(rule, found)
    if isinstance(rule, Sign):
        side = _side(found, rule.than)
        if side == 0:
            return CANNOT_TELL, "the interval contains 0" if rule.than == 0 else "the interval contains the bound"
        return (AGREES if side == rule.sign else DIFFERS), f"the interval is {'above' if side > 0 else 'below'}"
    if rule.over and (side := _side(found, rule.value)) != 0:
        return (AGREES, "the interval is above") if side > 0 else (DIFFERS, "the interval is below")
    low, high = found.mean - found.half_width, found.mean + found.half_width
    if not rule.over and not low - ROUNDING <= rule.value <= high + ROUNDING:
        return DIFFERS, f"the interval is {'below' if high < rule.value else 'above'}"
    if found.half_width > max(abs(rule.value) / 2, MIN_WIDEST) + ROUNDING:
        return CANNOT_TELL, "the interval is too wide"
    return COMPATIBLE, "the interval contains it"


def _within(rule: Within, found: Estimate) -> tuple[str, str]:
    assert found.half_width is not None  # as was seen
    low, high = found.mean - found.half_width, found.mean + found.half_width
    inner, outer = rule.value - rule.tolerance, rule.value + rule.tolerance
    if inner <= low + ROUNDING and high - ROUNDING <= outer:
        return AGREES, "the interval is within the tolerance"
    if high < inner or low > outer:
        return DIFFERS, "the interval is outside"
    return CANNOT_TELL, "it may be either"


def _side(found: Estimate, bound: float) -> int:
    """On which side of ``bound`` the one-sided 95 % interval lies, 1 above and -1 below; 0: it holds the bound."""
    half = one_sided(found)
    distance = found.mean - bound
    return 0 if abs(distance) <= half + ROUNDING else (1 if distance > 0 else -1)


def unit(statement: Statement) -> tuple[float, str]:
    """(factor, unit) for people: shares in per cent, differences of shares in points, lengths as they are."""
    slope = f" {statement.along.unit}" if statement.along else ""
    rates = {part.rate for part in statement.parts}
    if rates == {"poison_distance"}:
        return 1.0, "standard deviations" + slope
    if rates & set(RAW):
        return 1.0, slope.strip()
    is_level = len(statement.parts) == 1 and not statement.parts[0].beyond and statement.along is None
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
