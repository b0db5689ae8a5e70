"""The base of every part of the schema."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A closed, immutable part of the schema: unknown keys are refused, numbers are not made from strings."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


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
