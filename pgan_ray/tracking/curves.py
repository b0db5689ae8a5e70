"""From rows to metrics: the curves that MLflow's Compare page draws as the paper's Figure 2."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from pgan_ray.results import HARMS, Change, Point, contenders, ranking, rule_of
from pgan_ray.spec import Configuration, Sweep
from pgan_ray.tracking.runs import safe_name

Metric = tuple[str, float, int, int]  # name, value, timestamp in ms, step

# By how much a poison fraction is multiplied to make a whole step, and what the step then is.
SCALES = {
    100: "poison per cent",
    1000: "poison in tenths of a per cent",
    10_000: "poison in hundredths of a per cent",
}


def step_scale(sweep: Sweep) -> int:
    """The coarsest scale that makes every poison fraction a whole step; one for all, so curves compare."""
    fractions = {
        fraction
        for configuration in sweep.configurations
        for variant in configuration.variants
        for fraction in variant.evaluation.poison_fractions
    }
    for scale in SCALES:
        if all(abs(fraction * scale - round(fraction * scale)) < 1e-6 for fraction in fractions):
            return scale
    return max(SCALES)


def training_metrics(rows: Iterable[Mapping[str, Any]]) -> list[Metric]:
    """Training curves: step = iteration."""
    return [
        (f"train/{safe_name(name)}", float(value), int(row["timestamp_ms"]), int(row["iteration"]))
        for row in rows
        for name, value in dict(row["metrics"]).items()
    ]


def prefix(sweep: Sweep, configuration: Configuration, variant: str) -> str:
    """Where a variant's metrics stand; the first one's plain names are what configurations compare by."""
    if variant == configuration.variants[0].id:
        return "victim"
    name, plain = safe_name(sweep.in_words(variant)), safe_name(variant)
    if name != plain and [safe_name(sweep.in_words(one.id)) for one in configuration.variants].count(name) > 1:
        name = plain
    return f"victim/{name}"


def victim_metrics(
    sweep: Sweep,
    configuration: Configuration,
    points: Sequence[Point],
    rows: pa.Table,
    scale: int,
    timestamp_ms: int,
) -> list[Metric]:
    """Its curves (step = poison fraction x ``scale``), and numbers to sort MLflow's table by."""
    metrics: list[Metric] = []
    errors: dict[tuple[str, float], float] = {}  # by place and poison fraction
    places = {variant.id: prefix(sweep, configuration, variant.id) for variant in configuration.variants}
    for point in points:
        place, step = places[point.variant], round(point.poison_fraction * scale)
        for rate, estimate in point.rates.items():
            metrics.append((f"{place}/{rate}", estimate.mean, timestamp_ms, step))
            if rate != "test_error":
                continue
            if estimate.ends is not None:
                ends = zip(("low", "high"), estimate.ends, strict=True)
                metrics += [(f"{place}/test_error_{end}", value, timestamp_ms, step) for end, value in ends]
            errors[place, point.poison_fraction] = estimate.mean
    complete = [row for row in rows.select(["replicate", "outcome"]).to_pylist() if row["outcome"] == "complete"]
    numbers = {"generators": len({row["replicate"] for row in complete}), "victims": len(complete)}
    metrics += [(name, float(value), timestamp_ms, 0) for name, value in numbers.items()]
    if errors:  # of all variants: a column of this name that left some out would mislead
        metrics.append(("test_error_worst", max(errors.values()), timestamp_ms, 0))
    if ("victim", 0.0) in errors:
        metrics.append(("test_error_clean", errors["victim", 0.0], timestamp_ms, 0))
    return metrics


def change_metrics(
    sweep: Sweep, configuration: Configuration, changes: Sequence[Change], scale: int, timestamp_ms: int
) -> list[Metric]:
    """Its curves beyond each control, such as ``over_removal/false_positive_rate``; steps as for the victims' own."""
    metrics: list[Metric] = []
    for change in changes:
        place = prefix(sweep, configuration, change.variant).replace("victim", f"over_{safe_name(change.control)}", 1)
        step = round(change.poison_fraction * scale)
        metrics += [(f"{place}/{name}", found.mean, timestamp_ms, step) for name, found in change.rates.items()]
    return metrics


def strongest_metrics(
    sweep: Sweep, points: Sequence[Point], changes: Sequence[Change], timestamp_ms: int
) -> list[Metric]:
    """What the sweep's answer says, as numbers: the strongest attack's harm, its interval, errors and rejections."""
    rule = rule_of(sweep)
    harm = rule.get("harm", "damage")
    found = [one for one in contenders(sweep, changes) if HARMS[harm] in one.rates]
    if not found:
        return []
    best = ranking(found, **rule)[0]
    place = best.configuration, best.variant
    at = {point.poison_fraction: point.rates for point in points if (point.configuration, point.variant) == place}
    estimates = {harm: best.harm, "excess_rejections": best.excess}
    for fraction, name in ((best.poison_fraction, "test_error"), (0.0, "test_error_clean")):
        estimates[name] = at.get(fraction, {}).get("test_error")
    numbers = {name: estimate.mean for name, estimate in estimates.items() if estimate is not None}
    if best.harm.ends is not None:
        numbers[f"{harm}_low"], numbers[f"{harm}_high"] = best.harm.ends
    numbers["poison_fraction"] = best.poison_fraction
    return [(f"strongest/{safe_name(name)}", float(value), timestamp_ms, 0) for name, value in numbers.items()]
