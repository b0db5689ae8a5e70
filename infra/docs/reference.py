"""The reference of the sweep file, from the schema: `reference` is the text between the README's markers.

``python -m infra.docs.reference README.md`` brings the README up to date.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pgan_ray.spec.settings import Settings

BEGIN, END = "<!-- reference:begin -->", "<!-- reference:end -->"
_PLAIN = {bool: "true or false", int: "whole number", float: "number", str: "text"}
_LIMITS = (("ge", "at least"), ("gt", "over"), ("le", "at most"), ("lt", "under"))


def reference() -> str:
    """A Markdown table for each section of the sweep file: key, type, default, meaning."""
    top = [(name, field) for name, field in Settings.model_fields.items() if _section(field) is None]
    parts = [_table("Top level", "", [_row(name, field) for name, field in top])]
    for name, field in Settings.model_fields.items():
        section = _section(field)
        if section is not None:
            default = None if field.is_required() else field.default
            parts.append(_table(f"`{name}`", field.description or "", list(_rows(section, f"{name}.", default))))
    return "\n".join(parts)


def update(text: str) -> str:
    """``text`` with the block between the markers replaced by `reference`."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the text must hold {BEGIN} and, after it, {END}")
    return f"{before}{BEGIN}\n{reference()}{END}{after}"


def _table(title: str, meaning: str, rows: list[str]) -> str:
    head = f"### {title}\n\n" + (f"{meaning}\n\n" if meaning else "")
    return head + "\n".join(["| key | type | default | meaning |", "| --- | --- | --- | --- |", *rows]) + "\n"


def _rows(part: type[BaseModel], above: str, defaults: BaseModel | None) -> Iterator[str]:
    for name, field in part.model_fields.items():
        section = _section(field)
        given = getattr(defaults, name) if defaults is not None else field.default
        if section is None:
            yield _row(f"{above}{name}", field, given)
        else:
            yield from _rows(section, f"{above}{name}.", given if isinstance(given, BaseModel) else None)


def _row(key: str, field: FieldInfo, default: Any = PydanticUndefined) -> str:
    default = field.default if default is PydanticUndefined else default
    shown = "required" if default is PydanticUndefined else f"`{_yaml(default)}`"
    cells = (f"`{key}`", _kind(field.annotation, field.metadata), shown, field.description or "")
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _section(field: FieldInfo) -> type[BaseModel] | None:
    annotation = field.annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _kind(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """The type in words, with its limits."""
    origin, options = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        # A `Field` inside a type hides its limits one level deeper than one at a field.
        inner = [limit for item in options[1:] for limit in getattr(item, "metadata", [item])]
        return _kind(options[0], [*metadata, *inner])
    if origin in (Union, UnionType):
        kinds = ["null" if option is NoneType else _kind(option, metadata) for option in options]
        return (", or " if any(", " in kind or "; " in kind for kind in kinds) else " or ").join(kinds)
    if origin is Literal:
        return ", ".join(f"`{option}`" for option in options)
    if origin is tuple:
        return f"list of {len(options)}, each a {_kind(options[0])}"
    if origin is list:
        return f"list, each a {_kind(options[0])}{_limits(metadata, 'items')}"
    return _PLAIN[annotation] + _limits(metadata, "characters")


def _limits(metadata: Sequence[Any], counted: str) -> str:
    parts = [f", {word} {getattr(item, key):g}" for key, word in _LIMITS for item in metadata if hasattr(item, key)]
    parts += [f", matching `{item.pattern}`" for item in metadata if getattr(item, "pattern", None)]
    least = [item.min_length for item in metadata if hasattr(item, "min_length")]
    parts += ["; not empty" if count == 1 else f"; at least {count} {counted}" for count in least]
    return "".join(parts)


def _yaml(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        file = Path(name)
        file.write_text(update(file.read_text(encoding="utf-8")), encoding="utf-8")
