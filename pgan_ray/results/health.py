"""Whether the generators' training still meant something when it ended, by the words of their attack."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import fsum

from pgan_ray.results.generators import GeneratorRecord
from pgan_ray.spec import Sweep


def mean_metrics(generators: Iterable[GeneratorRecord]) -> dict[str, dict[str, float]]:
    """By configuration: its generators' last training metrics, averaged over those that did not diverge."""
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in generators:
        if one.outcome == "complete":
            for name, value in one.metrics.items():
                values[one.configuration][name].append(value)
    return {
        configuration: {name: fsum(some) / len(some) for name, some in metrics.items()}
        for configuration, metrics in values.items()
    }


def health(sweep: Sweep, metrics: Mapping[str, Mapping[str, float]]) -> dict[str, str]:
    """By configuration, what there is to say against its training; those that are well are left out."""
    found = {}
    for one in sweep.configurations:
        if one.settings.attack.is_trained and one.id in metrics:
            try:
                found[one.id] = str(one.settings.attack.make().health(metrics[one.id]))
            except Exception as error:  # somebody else's
                found[one.id] = f"its `health` raised {type(error).__name__}"
    return {configuration: text for configuration, text in found.items() if text}
