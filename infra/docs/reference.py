"""The reference of the sweep file, from the schema: `reference` is the text between the markers of `sweeps/README.md`.

``python -m infra.docs.reference sweeps/README.md`` brings that file up to date.
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

from pgan_ray.registry import Registry
from pgan_ray.spec.one_of import OneOf, items_of, one_of
from pgan_ray.spec.settings import Settings

BEGIN, END = "<!-- reference:begin -->", "<!-- reference:end -->"
_PLAIN = {bool: "true or false", int: "whole number", float: "number", str: "text"}
_LIMITS = (("ge", "at least"), ("gt", "over"), ("le", "at most"), ("lt", "under"))


def reference() -> str:
    """A Markdown table for each section of the sweep file, and for each component: key, type, default, meaning."""
    top = [(name, field) for name, field in Settings.model_fields.items() if _section(field) is None]
    parts = [_table("Top level", "", [_row(name, field) for name, field in top])]
    for name, field in Settings.model_fields.items():
        section = _section(field)
        if section is None:
            continue
        mark = one_of(field)
        if mark is None:
            default = None if field.is_required() else field.default
            parts.append(_table(f"`{name}`", field.description or "", list(_rows(section, f"{name}.", default))))
            for inner, inner_field in section.model_fields.items():
                inner_mark = one_of(inner_field)
                if inner_mark is not None:
                    parts += _components(f"{name}.{inner}", inner_field, inner_mark)
                items = items_of(inner_field)
                if items is not None and isinstance(items.options, Registry):
                    parts += _items(f"{name}.{inner}", inner_field, items.options)
        else:
            parts += _components(name, field, mark)
    return "\n".join(parts)


def _components(path: str, field: FieldInfo, mark: OneOf) -> Iterator[str]:
    """The names that the section at ``path`` may have, the keys that all of these have, and a table for each other."""
    default = mark.default["name"]
    names = sorted(mark.options.own_names(), key=lambda name: (name != default, name))
    configs: dict[str, type[Any]] = {name: mark.options.config(name) for name in names}
    shared = {key for key in configs[default].model_fields if all(key in c.model_fields for c in configs.values())}
    own = {name: [key for key in config.model_fields if key not in shared] for name, config in configs.items()}
    rows = [
        f"| `{name}` | {_first_line(config.component)} | {', '.join(f'`{key}`' for key in own[name])} |"
        for name, config in configs.items()
    ]
    meaning = (
        f"{field.description} `{path}.name` is one of these (default: `{default}`), a name from an installed package, "
        "or the import path of a class, `package.module:Class`."
    )
    head = "| name | what it is | own keys |\n| --- | --- | --- |\n"
    yield f"### `{path}`\n\n{meaning}\n\n{head}" + "\n".join(rows) + "\n"
    in_all = sorted(shared - {"name"})
    if in_all:
        yield _table("", "Keys that all of them have:", list(_rows(configs[default], f"{path}.", None, keys=in_all)))
    alike: dict[str, list[str]] = {}
    for name, config in configs.items():
        if own[name]:
            alike.setdefault("\n".join(_rows(config, f"{path}.", None, keys=own[name])), []).append(name)
    for text, having in alike.items():
        title = " or ".join(f"`{name}`" for name in having)
        yield _table(f"`{path}` with the name {title}", "", text.split("\n"))


def _items(path: str, field: FieldInfo, registry: Registry) -> Iterator[str]:
    """The names that an item of the list at ``path`` may have beside those of an included kind, and their keys."""
    also = registry.includes
    names = [name for name in registry.own_names() if also is None or not also.is_ours(name)]
    configs: dict[str, type[Any]] = {name: registry.config(name) for name in names}
    keys = {name: [key for key in config.model_fields if key != "name"] for name, config in configs.items()}
    rows = [
        f"| `{name}` | {_first_line(config.component)} | {', '.join(f'`{key}`' for key in keys[name])} |"
        for name, config in configs.items()
    ]
    others = f", a {also.kind} with its keys as above" if also else ""
    meaning = (
        f"{field.description} The `name` of an item is one of these{others}, a name from an installed package, or the "
        "import path of a class, `package.module:Class`."
    )
    head = "| name | what it is | own keys |\n| --- | --- | --- |\n"
    yield f"### `{path}`\n\n{meaning}\n\n{head}" + "\n".join(rows) + "\n"
    for name, config in configs.items():
        if keys[name]:
            yield _table(
                f"`{path}` with the name `{name}`", "", list(_rows(config, f"{path}[].", None, keys=keys[name]))
            )


def _first_line(described: object) -> str:
    return (described.__doc__ or "").partition("\n")[0]


def update(text: str) -> str:
    """``text`` with the block between the markers replaced by `reference`."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the text must hold {BEGIN} and, after it, {END}")
    return f"{before}{BEGIN}\n{reference()}{END}{after}"


def _table(title: str, meaning: str, rows: list[str]) -> str:
    head = (f"### {title}\n\n" if title else "") + (f"{meaning}\n\n" if meaning else "")
    return head + "\n".join(["| key | type | default | meaning |", "| --- | --- | --- | --- |", *rows]) + "\n"


def _rows(
    part: type[BaseModel], above: str, defaults: BaseModel | None, *, keys: Sequence[str] | None = None
) -> Iterator[str]:
    """The rows of ``part``, or of those of its ``keys``; sections that have tables of their own are left out."""
    for name in part.model_fields if keys is None else keys:
        field = part.model_fields[name]
        section, mark = _section(field), one_of(field)
        given = getattr(defaults, name) if defaults is not None else field.default
        if mark is not None:
            if not isinstance(mark.options, Registry):
                yield from _options(f"{above}{name}.", mark)
        elif section is None:
            yield _row(f"{above}{name}", field, given)
        else:
            yield from _rows(section, f"{above}{name}.", given if isinstance(given, BaseModel) else None)


def _options(above: str, mark: OneOf) -> Iterator[str]:
    """The rows of a section with few options, in one table: which of these a key goes with, its meaning says."""
    configs = {name: mark.options.config(name) for name in mark.options.own_names()}
    kinds = ", ".join(f"`{name}`" for name in configs)
    meaning = "; ".join(f"`{name}`: {_first_line(config).rstrip('.')}" for name, config in configs.items())
    yield f"| `{above}name` | {kinds} | `{mark.default['name']}` | {meaning}. |"
    for key in dict.fromkeys(key for config in configs.values() for key in config.model_fields if key != "name"):
        having = [name for name, config in configs.items() if key in config.model_fields]
        field = configs[having[0]].model_fields[key]
        of = "" if len(having) == len(configs) else f"With {' or '.join(f'`{name}`' for name in having)}: "
        yield _row(f"{above}{key}", field, mark.default.get(key, field.default), of)


def _row(key: str, field: FieldInfo, default: Any = PydanticUndefined, before: str = "") -> str:
    default = field.default if default is PydanticUndefined else default
    shown = "required" if default is PydanticUndefined else f"`{_yaml(default)}`"
    cells = (f"`{key}`", _kind(field.annotation, field.metadata), shown, f"{before}{field.description or ''}")
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
    if origin is dict:
        return "section of values by name"
    if origin is tuple:
        return f"list of {len(options)}, each a {_kind(options[0])}"
    if origin is list and any(isinstance(item, OneOf) for item in get_args(options[0])):
        return "list of sections with a `name`"
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
