"""What a person who wrote a value that does not hold may have meant."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from pgan_ray.spec.one_of import one_of, parts_of
from pgan_ray.spec.settings import Settings

MOST_NAMED = 3
# Fields whose values people also know as per cent.
_FRACTIONS = ("fraction", "fractions", "percentile", "dropout", "smoothing")


def percent_hint(place: tuple[str | int, ...], kind: str, given: Any, context: dict[str, Any]) -> str:
    """That a fraction may have been written in per cent."""
    limit = context.get("le", context.get("lt"))
    if not kind.startswith("less_than") or limit != 1 or not isinstance(given, int | float):
        return ""
    key = next((str(part) for part in reversed(place) if isinstance(part, str)), "")
    if key == "gpu":
        return " (the share of one GPU that an actor has)"
    if 1 < given <= 100 and key.rpartition("_")[2] in _FRACTIONS:
        return f" (a fraction: write {given / 100:g} for {given:g} per cent)"
    return ""


def elsewhere(key: str) -> list[str]:
    """The dotted paths of the fields called ``key``, at most `MOST_NAMED`, or none where there are more."""
    found = list(dict.fromkeys(_paths(key, Settings, "")))
    return found if len(found) <= MOST_NAMED else []


def _paths(key: str, part: type[BaseModel], above: str) -> Iterator[str]:
    for name, field in part.model_fields.items():
        if name == key:
            yield f"{above}{name}"
        mark = one_of(field)
        every = {"name": {"grid": mark.options.own_names()}} if mark else None
        for inner in parts_of(field, every):
            yield from _paths(key, inner, f"{above}{name}.")
