"""Grids: ``{grid: [a, b]}`` in the place of any field's value.

A path is the tuple of keys that leads to a field, such as ``("attack", "alpha")``.
"""

import itertools
import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

Path = tuple[str, ...]
Tree = Mapping[str, Any]

# Results must not depend on these, so a grid over them would make copies of one configuration.
UNGRIDDED = ("name", "description", "resources", "search")


@dataclass(frozen=True)
class Axis:
    """One grid of a sweep file."""

    path: Path
    values: tuple[Any, ...]
    label: str  # the shortest ending of the path that no other axis shares

    @property
    def in_evaluation(self) -> bool:
        """Whether the generators do not depend on it: such an axis multiplies cells, not trials."""
        return self.path[0] == "evaluation"


def is_grid(value: Any) -> bool:
    """Whether ``value`` is written as a grid."""
    return isinstance(value, Mapping) and set(value) == {"grid"}


def find_grids(tree: Tree, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every grid of ``tree`` in file order: its path and what stands under ``grid``."""
    for key, value in tree.items():
        here = (*path, key)
        if is_grid(value):
            yield here, value["grid"]
        elif isinstance(value, Mapping):
            yield from find_grids(value, here)


def grid_faults(tree: Tree) -> list[tuple[Path, str, Any]]:
    """What is wrong with the grids themselves: (path, rule, value)."""
    faults: list[tuple[Path, str, Any]] = []
    for path, values in find_grids(tree):
        if not isinstance(values, list) or not values:
            faults.append(((*path, "grid"), "must be a list of at least one value", values))
        elif len({_canonical(value) for value in values}) != len(values):
            faults.append(((*path, "grid"), "must name each value once", values))
        elif path[0] in UNGRIDDED:
            faults.append((path, f"cannot be a grid: `{path[0]}` does not change results", values))
    return faults


def axes(tree: Tree) -> list[Axis]:
    """The grids of a ``tree`` without `grid_faults`, in file order."""
    grids = [(path, tuple(values)) for path, values in find_grids(tree)]
    paths = [path for path, _ in grids]
    return [Axis(path, values, _label(path, paths)) for path, values in grids]


def _label(path: Path, paths: list[Path]) -> str:
    for length in range(1, len(path)):
        ending = path[-length:]
        if sum(other[-length:] == ending for other in paths) == 1:
            return ".".join(ending)
    return ".".join(path)


def combinations(some_axes: list[Axis]) -> Iterator[tuple[Any, ...]]:
    """Every choice of one value from each axis; the last axis varies fastest."""
    return itertools.product(*(axis.values for axis in some_axes))


def replace(tree: Tree, choices: Mapping[Path, Any]) -> dict[str, Any]:
    """A copy of ``tree`` with the value at each path replaced."""
    copy: dict[str, Any] = deepcopy(dict(tree))
    for path, value in choices.items():
        node = copy
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = deepcopy(value)
    return copy


def choice_id(some_axes: list[Axis], values: tuple[Any, ...]) -> str:
    """The name of one choice: ``alpha=0.1,lambda_prior=0.9``; safe as a file name."""
    return ",".join(f"{axis.label}={_value_id(value)}" for axis, value in zip(some_axes, values, strict=True))


def _value_id(value: Any) -> str:
    text = _canonical(value).strip('"')
    plain = len(text) <= 40 and all(c.isalnum() or c in "._+-" for c in text)
    return text if plain else sha256(text.encode()).hexdigest()[:8]


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
