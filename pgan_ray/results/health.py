"""What there is to say against results: by the attacks' words on their training, and by their clean victims."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from math import fsum

import pyarrow as pa
import pyarrow.compute as pc

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


def useless_victims(rows: pa.Table) -> Iterator[str]:
    """Of the ``rows`` of one configuration: where clean victims do no better than to name the largest class always."""
    clean = rows.filter(pc.and_(pc.equal(rows["poison_fraction"], 0), pc.is_valid(rows["confusion"])))
    for variant in pc.unique(clean["variant"]).to_pylist():
        own = clean.filter(pc.equal(clean["variant"], variant))
        error = pc.mean(own["test_error"]).as_py()
        of_class = [sum(line) for line in own["confusion"][0].as_py()]
        other = 1 - max(of_class) / sum(of_class)
        if error >= other:
            place = f"{variant}: " if variant else ""
            yield (
                f"{place}the test error of clean victims is {100 * error:.1f} %, no lower than that of always "
                f"answering the largest class ({100 * other:.1f} %): what poison does to them means nothing"
            )
