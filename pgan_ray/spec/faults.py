"""Faults of a sweep file in the words of the person who wrote it: place, rule, value."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from pydantic import BaseModel, ValidationError

from pgan_ray.registry import ComponentError
from pgan_ray.spec.components import ComponentConfig
from pgan_ray.spec.hints import elsewhere, percent_hint
from pgan_ray.spec.one_of import OneOf, items_of, one_of, parts_of
from pgan_ray.spec.settings import Settings

# pydantic's error types, as rules. The placeholders are the error's context.
_RULES = {
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be greater than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "literal_error": "must be {expected}",
    "model_type": "must be a section with keys of its own",
    "too_short": "must have at least {min_length} item(s)",
    "too_long": "must have at most {max_length} item(s)",
    "string_too_short": "must have at least {min_length} character(s)",
    "string_pattern_mismatch": "must match {pattern}",
}
_SINGLE = ("int_type", "float_type", "string_type", "bool_type", "literal_error")

UNKNOWN = "is not a "
"""How the rules begin that a key breaks, whatever its value."""

Place = tuple[str | int, ...]
Fault = tuple[Place, str]  # where, and what must hold


def faults_of(error: ValidationError, tree: Mapping[str, Any]) -> Iterator[Fault]:
    """The faults in ``error``, one for each place and mistake; ``tree`` is what was validated."""
    either: dict[Place, tuple[list[str], str]] = {}  # where one of several kinds of value may stand
    for item in error.errors():
        place, parts = _place(item["loc"], tree)
        branched = len(place) < len(item["loc"])
        kind, given, context = item["type"], item["input"], item.get("ctx", {})
        if kind == "missing":
            yield place, "must be given"
        elif kind == "extra_forbidden":
            yield place, _unknown(parts)
        elif kind == "value_error":
            yield place, str(context["error"])
        elif kind == "component":
            yield place, context["reason"]
        else:
            limits = {key: f"{value:g}" if isinstance(value, float) else value for key, value in context.items()}
            rule = _RULES[kind].format(**limits) if kind in _RULES else item["msg"]
            got = f"got {show(given)}{percent_hint(place, kind, given, context)}{_grid_hint(kind, given)}"
            if branched:
                either.setdefault(place, ([], got))[0].append(rule)
            else:
                yield place, f"{rule}, {got}"
    for place, (rules, got) in either.items():
        yield place, f"{' or '.join([rules[0], *(r.removeprefix('must be ') for r in rules[1:])])}, {got}"


def show(value: Any) -> str:
    """``value`` for a message, as YAML has it: short, on one line."""
    plain = isinstance(value, str | float)
    text = repr(value) if plain else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:77] + "..."


def where(place: Place) -> str:
    """``("a", "b", 0)`` as ``a.b[0]``."""
    text = ""
    for part in place:
        name = part if isinstance(part, int) or re.fullmatch(r"[\w+-]{1,80}", part) else show(part)
        text += f"[{name}]" if isinstance(part, int) else f".{name}" if text else str(name)
    return text or "(top level)"


Parts = list[tuple[str, type[BaseModel] | None]]  # the keys of a place, and whose they are


def _place(location: Place, tree: Mapping[str, Any]) -> tuple[Place, Parts]:
    """``location`` less the branches of unions, such as "constrained-int"; and the parts that its keys are of."""
    place: list[str | int] = []
    parts: Parts = []
    part: type[BaseModel] | None = Settings
    items: OneOf | None = None
    node: Any = tree
    for key in location:
        if part is None and isinstance(key, str):
            continue
        place.append(key)
        parts.append((str(key), part))
        node = _inner(node, key)
        if items is not None and isinstance(key, int):
            part, items = next(iter(items.configs(node)), ComponentConfig), None
            continue
        field = part.model_fields.get(str(key)) if part else None
        part = next(iter(parts_of(field, node) or parts_of(field, None)), None) if field else None
        items = items_of(field) if field else None
    return tuple(place), parts


def _inner(node: Any, key: str | int) -> Any:
    if isinstance(node, list) and isinstance(key, int):
        return node[key] if key < len(node) else None
    return node.get(key) if isinstance(node, Mapping) else None


def _unknown(parts: Parts) -> str:
    """What is wrong with the last of ``parts``' keys, and what was probably meant."""
    key, part = parts[-1]
    assert part is not None  # pydantic found the key in a section
    names = [*part.model_fields, *(["profiles"] if part is Settings and key != "profiles" else [])]
    others = _others_with(key, parts)
    if others:
        own = part.model_fields["name"].default if not issubclass(part, ComponentConfig) else part.component.name
        return (
            f"{UNKNOWN}key of `{own}`: delete it (keys of `{own}`: {', '.join(names)}; "
            f"this is a key of {', '.join(f'`{other}`' for other in others)})"
        )
    near = difflib.get_close_matches(key, names, n=1, cutoff=0.6)
    meant = elsewhere(key)
    # What is nearly a key of this section is a slip of the pen, even where another section has a key of that name.
    if meant and not difflib.get_close_matches(key, names, n=1, cutoff=0.9):
        return f"{UNKNOWN}known key; did you mean {' or '.join(f'`{path}`' for path in meant)}?"
    return f"{UNKNOWN}known key" + (
        f"; did you mean `{near[0]}`?" if near else f"; known keys here: {', '.join(names)}"
    )


def _others_with(key: str, parts: Parts) -> list[str]:
    """The other names that a section might have and with which ``key`` would be right."""
    if len(parts) < 2:
        return []
    section, above = parts[-2]
    field = above.model_fields.get(section) if above else None
    mark = one_of(field) if field else None
    if mark is None and len(parts) > 2:  # the item of a list
        section, above = parts[-3]
        field = above.model_fields.get(section) if above else None
        mark = items_of(field) if field else None
    if mark is None:
        return []
    found = []
    for name in mark.options.own_names():
        with suppress(ComponentError):
            if key in mark.options.config(name).model_fields:
                found.append(name)
    return found


def _grid_hint(kind: str, given: Any) -> str:
    return " (a grid is written {grid: [a, b]})" if kind in _SINGLE and isinstance(given, list | dict) else ""
