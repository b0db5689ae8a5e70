"""Faults of a sweep file in the words of the person who wrote it: place, rule, value."""

import difflib
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

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
    "string_too_short": "must have at least {min_length} character(s)",
    "string_pattern_mismatch": "must match {pattern}",
}

Fault = tuple[tuple[str | int, ...], str]  # where, and what must hold


def faults_of(error: ValidationError, tree: Any) -> Iterator[Fault]:
    """The faults in ``error``, found in the ``tree`` that was validated."""
    for item in error.errors():
        place = tuple(part for part in item["loc"] if _is_key(part, tree))
        kind, given = item["type"], item["input"]
        if kind == "missing":
            yield place, "must be given"
        elif kind == "extra_forbidden":
            yield place, f"is not a known key{_nearest(place)}"
        elif kind == "value_error":
            yield place, str(item["ctx"]["error"])
        else:
            rule = _RULES.get(kind, item["msg"]).format(**item.get("ctx", {}))
            yield place, f"{rule}, got {show(given)}{_percent_hint(kind, given, item.get('ctx', {}))}"


def show(value: Any) -> str:
    """``value`` for a message: short, on one line."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def where(place: tuple[str | int, ...]) -> str:
    """``("a", "b", 0)`` as ``a.b[0]``."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "(top level)"


def _is_key(part: str | int, tree: Any) -> bool:
    # pydantic puts the branches of unions, such as "constrained-int", into the location.
    return isinstance(part, int) or part in _known_keys() or _occurs(part, tree)


def _occurs(key: str, tree: Any) -> bool:
    return isinstance(tree, dict) and (key in tree or any(_occurs(key, value) for value in tree.values()))


def _known_keys() -> set[str]:
    keys: set[str] = set()
    stack: list[type[BaseModel]] = [Settings]
    while stack:
        for name, field in stack.pop().model_fields.items():
            keys.add(name)
            part = _part_of(field.annotation)
            if part is not None:
                stack.append(part)
    return keys


def _part_of(annotation: Any) -> type[BaseModel] | None:
    options = (annotation, *get_args(annotation))
    return next((o for o in options if isinstance(o, type) and issubclass(o, BaseModel)), None)


def _nearest(place: tuple[str | int, ...]) -> str:
    part: type[BaseModel] | None = Settings
    for key in place[:-1]:
        field = part.model_fields.get(str(key)) if part else None
        part = _part_of(field.annotation) if field else None
    names = [*part.model_fields] if part else []
    if part is Settings:
        names.append("profiles")
    near = difflib.get_close_matches(str(place[-1]), names, n=1, cutoff=0.6)
    return f"; did you mean `{near[0]}`?" if near else f"; known here: {', '.join(names)}"


def _percent_hint(kind: str, given: Any, context: dict[str, Any]) -> str:
    limit = context.get("le", context.get("lt"))
    if kind.startswith("less_than") and limit == 1 and isinstance(given, int | float) and 1 < given <= 100:
        return f" (a fraction: write {given / 100:g} for {given:g} per cent)"
    return ""
