"""What people call the values that an id has only a digest for: ``task=3 as 5`` in place of ``task=b0d8817a6160``.

Ids stay as they are: they name folders, rows and streams.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pgan_ray.spec import grid
from pgan_ray.text import printable_line

LONGEST = 60
_DIGEST = re.compile("[0-9a-f]{12}")


def readable(tree: grid.Tree) -> dict[str, str]:
    """What to read in the place of every ``label=digest`` that may stand in an id of a configuration of ``tree``."""
    found = {}
    for axis in grid.axes(tree):
        if all(map(grid.is_plain, axis.values)):
            continue
        for value, name in zip(axis.values, value_names(axis.values), strict=True):
            in_id = grid.value_id(axis, value)
            if in_id != name and _DIGEST.fullmatch(in_id):
                found[f"{axis.label}={in_id}"] = f"{axis.label}={name}"
    return found


def in_words(text: str, names: Mapping[str, str]) -> str:
    """``text``, such as an id or a sentence with ids, with the ``names`` that `readable` has."""
    for digest, name in names.items():
        text = text.replace(digest, name)
    return text


def value_names(values: Sequence[Any]) -> list[str]:
    """A short name for each of ``values``, all of which differ: no two names are the same.

    Sections go by their ``name``, tasks by their classes; what these share is told apart by what differs, in brackets,
    or by their number where that is long.
    """
    own = [_name(value) for value in values]
    alike: dict[str, list[int]] = {}
    for index, name in enumerate(own):
        alike.setdefault(name, []).append(index)
    found = [*own]
    for name, members in alike.items():
        if len(members) > 1:
            differences = _differences([values[index] for index in members])
            for index, more in zip(members, differences, strict=True):
                found[index] = f"{name} ({more})".strip() if more else name
    count = Counter(found)
    return [
        text if text and count[text] == 1 and len(text) <= LONGEST else f"{name[:LONGEST]} ({number})".strip()
        for number, (text, name) in enumerate(zip(found, own, strict=True), 1)
    ]


def _name(value: Any) -> str:
    if isinstance(value, Mapping):
        if {"source_class", "poison_class"} <= set(value):
            return f"{_text(value['source_class'])} as {_text(value['poison_class'])}"
        return _text(value["name"]) if isinstance(value.get("name"), str) else ""
    if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        return "+".join(_name(item) for item in value)
    return "none" if value == [] else _text(value)


def _differences(alike: Sequence[Any]) -> list[str]:
    """What each value has and not all of them have: ``widths=[16] epochs=20``."""
    every = [{path: _text(leaf) for path, leaf in _leaves(value)} for value in alike]
    paths = dict.fromkeys(path for one in every for path in one)
    differing = [path for path in paths if len({one.get(path) for one in every}) > 1]
    called = [grid.without_name(path) for path in differing]
    labels = {path: grid.shortest_label(short, called) for path, short in zip(differing, called, strict=True)}
    return [" ".join(f"{label}={one[path]}" for path, label in labels.items() if path in one) for one in every]


def _leaves(value: Any, path: grid.Path = ()) -> Iterator[tuple[grid.Path, Any]]:
    if isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(item, Mapping) for item in value)):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in items:
            yield from _leaves(item, (*path, str(key)))
    elif path:  # an empty list has nothing that could differ
        yield path, value


def _text(value: Any) -> str:
    """A value on one line; of a path or URI its end, before which, and behind whose ``?``, a password may stand."""
    text = value if isinstance(value, str) else grid.canonical(value)
    if not isinstance(value, str):
        return "" if "://" in text else text
    if "://" in text:
        text = text.partition("?")[0].rpartition("@")[2]
    return printable_line(text.rstrip("/").rpartition("/")[2])
