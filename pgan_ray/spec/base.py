"""The base of every part of the schema."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Part(BaseModel):
    """A closed, immutable part of the schema: unknown keys are refused, numbers are not made from strings."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _keep_defaults(cls, given: Any) -> Any:
        """A section that is given in part keeps the rest of its default, as the reference says."""
        if not isinstance(given, dict):
            return given
        sections = {key: value for key, value in _default_sections(cls).items() if isinstance(given.get(key), dict)}
        return given | {key: _laid_over(default, given[key]) for key, default in sections.items()}


@cache
def _default_sections(part: type[Part]) -> Mapping[str, dict[str, Any]]:
    defaults = {name: field.default for name, field in part.model_fields.items()}
    return {name: default.model_dump() for name, default in defaults.items() if isinstance(default, Part)}


def _laid_over(default: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    both = {key: (default[key], given[key]) for key in default.keys() & given.keys()}
    inner = {key: _laid_over(a, b) for key, (a, b) in both.items() if isinstance(a, dict) and isinstance(b, dict)}
    return default | given | inner


def repeated(key: str, values: Sequence[Any]) -> str:
    """Which of ``values`` of the field ``key`` stands there twice: empty, or `, got 3 again at key[2]`."""
    seen = set()
    for index, value in enumerate(values):
        if value in seen:
            return f", got {value} again at {key}[{index}]"
        seen.add(value)
    return ""


def few(values: Sequence[Any]) -> str:
    """``values`` for a message: all of them, or the first ten and how many there are."""
    if len(values) <= 10:
        return str(list(values))
    return f"[{', '.join(str(value) for value in values[:10])}, ... {len(values):,} in all]"
