"""What a trial is worth, by its rows on validation points and those of its controls."""

from collections.abc import Sequence
from dataclasses import replace

from pgan_ray.results import HARMS, Change, Estimate, Trial, estimate, least_beyond
from pgan_ray.spec import Configuration, Search


def score(search: Search, trial: Trial, configuration: Configuration, changes: Sequence[Change]) -> Trial:
    """``trial`` with the scores of its ``configuration``; failed, where a variant or a replicate has none.

    Its harm is the mean over the variants of the rise beyond every control, its detectability the largest of theirs,
    of those that have a detector; 0 where none has.
    ``changes``: of its rows beyond each control.
    """
    rate, metric = HARMS[search.spec.harm], search.spec.detectability.metric
    here = {(configuration.id, variant.id, search.poison_fraction) for variant in configuration.variants}
    own = [one for one in changes if (one.configuration, one.variant, one.poison_fraction) in here]
    own = [one for one in own if rate in one.rates]
    by_variant = {change.variant: change for change in least_beyond(own, rate)}
    lacking = [one.id or "its victims" for one in configuration.variants if one.id not in by_variant]
    detect = [one.id for one in configuration.variants if one.evaluation.detector.component.filters]
    seen_by = {name: change.detectability.get(metric) for name, change in by_variant.items() if name in detect}
    lacking += [f"{name or 'its detectors'}' {metric}" for name, found in seen_by.items() if found is None]
    planned = configuration.settings.attack.replicates
    fewest = min((change.rates[rate].replicates for change in by_variant.values()), default=planned)
    if fewest < planned:
        lacking.append(f"{planned - fewest} of {planned} replicates")  # a mean over the others would flatter it
    if lacking:
        message = f"no score of {', '.join(lacking)}"
        return replace(trial, state="failed", message=message, harm=None, detectability=None)
    nothing = Estimate(0.0, None, planned, 0)
    seen = max((one for one in seen_by.values() if one is not None), key=lambda one: one.mean, default=nothing)
    return replace(trial, state="complete", harm=_mean(list(by_variant.values()), rate), detectability=seen)


def _mean(changes: Sequence[Change], rate: str) -> Estimate:
    """Over ``changes`` of one attack, one for each variant; the interval is over replicates, the same in all."""
    if len(changes) == 1:
        return changes[0].rates[rate]
    means = [[change.means[replicate][rate] for change in changes] for replicate in changes[0].means]
    return replace(estimate(means), cells=sum(change.rates[rate].cells for change in changes))
