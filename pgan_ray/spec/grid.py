"""Grids: ``{grid: [a, b]}`` in the place of any field's value.

A path is the tuple of keys that leads to a field, such as ``("attack", "alpha")``.
"""

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

Path = tuple[str, ...]
Tree = Mapping[str, Any]

# What a sweep is called and how it is run, not what it studies: a grid would make copies of one configuration.
UNGRIDDED = ("name", "description", "resources", "search", "controls")
# Names become folders: file systems allow 255 bytes.
_PLAIN = re.compile(r"[A-Za-z0-9._+-]{1,40}")
MAX_NAME_LENGTH = 120


@dataclass(frozen=True)
class Axis:
    """One grid of a sweep file."""

    path: Path
    values: tuple[Any, ...]
    label: str  # the shortest ending of the path that no other axis shares; of `attack.name`, `attack`

    @property
    def in_evaluation(self) -> bool:
        """Whether the generators do not depend on it: such an axis multiplies cells, not trials."""
        return self.path[0] == "evaluation"


def is_grid(value: Any) -> bool:
    """Whether ``value`` is written as a grid."""
    return isinstance(value, Mapping) and set(value) == {"grid"}


def is_usable(values: Any) -> bool:
    """Whether there is something to choose from."""
    return isinstance(values, list) and bool(values)


def find_grids(tree: Tree, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every grid of ``tree`` in file order: its path and what stands under ``grid``."""
    for key, value in tree.items():
        here = (*path, key)
        if is_grid(value):
            yield here, value["grid"]
        elif isinstance(value, Mapping):
            yield from find_grids(value, here)


def grid_faults(tree: Tree) -> list[tuple[tuple[str | int, ...], str, Any]]:
    """What is wrong with the grids themselves: (place, rule, value)."""
    faults: list[tuple[tuple[str | int, ...], str, Any]] = []
    for path, values in find_grids(tree):
        if path[0] in UNGRIDDED:
            faults.append((path, f"must not be a grid: a sweep does not compare values of `{path[0]}`", values))
        elif not is_usable(values):
            faults.append(((*path, "grid"), "must be a list of at least one value", values))
        else:
            first: dict[str, int] = {}
            for index, value in enumerate(values):
                if first.setdefault(canonical(value), index) != index:
                    faults.append(((*path, "grid", index), "must name each value once", value))
    return faults


def axes(tree: Tree) -> list[Axis]:
    """The usable grids of ``tree``, in file order."""
    grids = [(path, tuple(values)) for path, values in find_grids(tree) if is_usable(values)]
    paths = [without_name(path) for path, _ in grids]
    return [Axis(path, values, shortest_label(without_name(path), paths)) for path, values in grids]


def without_name(path: Path) -> Path:
    """A path, where a section's name stands for the section."""
    return path[:-1] if path[-1] == "name" and len(path) > 1 else path


def shortest_label(path: Path, paths: Sequence[Path]) -> str:
    """The shortest ending of ``path`` that no other of ``paths``, of which it is one, shares."""
    for length in range(1, len(path)):
        ending = path[-length:]
        if sum(other[-length:] == ending for other in paths) == 1:
            return ".".join(ending)
    return ".".join(path)


def combinations(some_axes: Sequence[Axis]) -> Iterator[tuple[Any, ...]]:
    """Every choice of one value from each axis; the last axis varies fastest."""
    return itertools.product(*(axis.values for axis in some_axes))


def replace(tree: Tree, choices: Mapping[Path, Any]) -> dict[str, Any]:
    """``tree`` with the value at each path replaced; the rest is shared, not copied."""
    changed = dict(tree)
    for path, value in choices.items():
        node, source = changed, tree
        for key in path[:-1]:
            source = source[key]
            if node[key] is source:
                node[key] = dict(source)
            node = node[key]
        node[path[-1]] = value
    return changed


def choice_id(some_axes: Sequence[Axis], values: Sequence[Any]) -> str:
    """The name of one choice: ``alpha=0.1,lambda_prior=0.9``; unique, and safe as a file name."""
    name = ",".join(f"{axis.label}={value_id(axis, value)}" for axis, value in zip(some_axes, values, strict=True))
    return shortened(name)


def shortened(name: str) -> str:
    """``name``, or its beginning with a digest where it is too long for a folder."""
    return name if len(name) <= MAX_NAME_LENGTH else f"{name[: MAX_NAME_LENGTH - 13]}-{_digest(name)}"


def names_in(value: Any, values: Sequence[Any]) -> str | None:
    """What a list of sections, one of ``values``, goes by: ``slab+sphere``, or ``none`` if it is empty.

    None where the values are something else, or another one has the same names.
    """
    # The value first: of thousands of numbers the others are not looked at for each.
    if not isinstance(value, list) or not all(isinstance(other, list) for other in values):
        return None
    sections = [item for other in values for item in other]
    if not sections or not all(isinstance(item, Mapping) and isinstance(item.get("name"), str) for item in sections):
        return None
    names = ["+".join(item["name"] for item in other) or "none" for other in (value, *values)]
    return names[0] if names.count(names[0]) == 2 else None


def value_id(axis: Axis, value: Any) -> str:
    """What ids say of one of the values of ``axis``: the value or its name where that is plain, else a digest."""
    if name := names_in(value, axis.values):
        value = name
    if isinstance(value, Mapping) and isinstance(value.get("name"), str):
        names = [other.get("name") for other in axis.values if isinstance(other, Mapping)]
        if names.count(value["name"]) == 1:
            value = value["name"]
    text = value if isinstance(value, str) else canonical(value)
    return text if _PLAIN.fullmatch(text) else _digest(canonical(value))


def is_plain(value: Any) -> bool:
    """Whether an id says ``value`` as it is."""
    return _PLAIN.fullmatch(value if isinstance(value, str) else canonical(value)) is not None


def same(one: Any, other: Any) -> bool:
    """Whether two values are one to a grid: 1 and 1.0 are the same number."""
    return canonical(one) == canonical(other)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]


def canonical(value: Any) -> str:
    """``value`` as JSON, the same for equal ones."""
    return json.dumps(_normal(value), sort_keys=True)


def _normal(value: Any) -> Any:
    """``value`` with 1.0 as 1: the same number, and so the same configuration."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_normal(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _normal(item) for key, item in value.items()}
    return value
