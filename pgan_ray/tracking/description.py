"""What a run says of itself: parameters from the spec, tags from the record's facts."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pgan_ray.spec import Configuration, Sweep, SweepRecord

# Facts that MLflow has a place of its own for.
MLFLOW_TAGS = {"git_commit": "mlflow.source.git.commit", "user": "mlflow.user"}


def sweep_params(record: SweepRecord) -> dict[str, str]:
    """The sweep's name, profile and size, unless it changed; of a search, whose size does, what it searches by."""
    sweep = record.sweep
    params = {"name": sweep.name, "profile": sweep.profile}
    if sweep.search is None:
        return params | ({} if record.earlier else _size(sweep))
    spec = sweep.search.spec
    return params | {f"search.{key}": str(getattr(spec, key)) for key in ("method", "goal", "parallel", "scheduler")}


def size_tags(record: SweepRecord) -> dict[str, str]:
    """Tags of a search, which stops trials, or of what was extended: MLflow never changes a parameter."""
    if record.sweep.search is None and not record.earlier:
        return {}
    return {f"pgan.{key}": text for key, text in _size(record.sweep).items()}


def _size(sweep: Sweep) -> dict[str, str]:
    return {
        "configurations": str(len(sweep.configurations)),
        "generators": str(sweep.generators),
        "victims": str(sweep.cells),
    }


def configuration_params(configuration: Configuration) -> dict[str, str]:
    """What a configuration reads of its settings, ``section.field``; several values where its variants differ."""
    settings = configuration.settings
    params = {
        key: text
        for key, text in flatten(settings.model_dump(mode="json"))
        if key.startswith("evaluation.") or settings.reads(tuple(key.split(".")))
    }
    variants = [dict(flatten({"evaluation": v.evaluation.model_dump(mode="json")})) for v in configuration.variants]
    for key in dict.fromkeys(key for variant in variants for key in variant):
        values = list(dict.fromkeys(variant[key] for variant in variants if key in variant))
        params[key] = " | ".join(values)
    return params


def generator_params(sweep: Sweep, configuration: Configuration, replicate: int) -> dict[str, str]:
    """Which generator it is. All its settings are on the configuration's run, one level up.

    Few, because MLflow's image charts print every parameter of a run above its picture.
    """
    attack = configuration.settings.attack
    return {
        "configuration": sweep.called(configuration.id),
        "replicate": str(replicate),
        **{f"attack.{name}": str(value) for name, value in attack.make().parameters().items()},
    }


def sweep_tags(record: SweepRecord) -> dict[str, str]:
    """Facts, profile and description: on the runs of the sweep and of its configurations."""
    # Not where it is tracked: whoever reads it is there.
    tags = {f"pgan.{fact}": text for fact, text in record.facts.items() if fact != "tracking_uri"}
    tags |= {tag: record.facts[fact] for fact, tag in MLFLOW_TAGS.items() if fact in record.facts}
    tags |= {"pgan.profile": record.sweep.profile, "mlflow.source.name": "pgan-ray"}
    if record.sweep.description:
        tags["mlflow.note.content"] = record.sweep.description
    return tags


def started_ms(record: SweepRecord) -> int | None:
    """When the sweep started, from the fact ``started`` (ISO 8601), if there is one."""
    try:
        return round(datetime.fromisoformat(record.facts["started"].replace("Z", "+00:00")).timestamp() * 1000)
    except (KeyError, ValueError):
        return None


def flatten(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """(dotted key, text) of every leaf."""
    for key, value in tree.items():
        here = f"{above}{key}"
        if isinstance(value, Mapping):
            yield from flatten(value, f"{here}.")
        else:
            yield here, value if isinstance(value, str) else json.dumps(value)
