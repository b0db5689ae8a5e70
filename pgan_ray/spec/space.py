"""What a search chooses from: ``{range: [a, b]}`` and ``{choice: [a, b]}`` in the place of values under ``attack``."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pgan_ray.spec import grid

Path = grid.Path
Place = tuple[str | int, ...]
RANGE, CHOICE, LOG = "range", "choice", "log"
WITHIN = "attack"
METHODS = "random, tpe, gp, nsga2"
# What is no setting of the attack but its name, and how often it is repeated.
_FIXED = ("name", "replicates")


@dataclass(frozen=True)
class Dimension:
    """One value that is searched, called ``name``: the shortest ending of its path that no other shares.

    Of a range its ``ends``, whether it is searched by the ``log``arithm and whether it is of whole numbers; else the
    ``choices``, any values.
    """

    path: Path
    name: str
    ends: tuple[float, float] | None = None
    log: bool = False
    is_whole: bool = False
    choices: tuple[Any, ...] = ()

    @property
    def key(self) -> str:
        """What it is written under."""
        return CHOICE if self.ends is None else RANGE

    @property
    def values(self) -> tuple[Any, ...]:
        """All choices, or both ends."""
        return self.choices if self.ends is None else self.ends

    @property
    def written(self) -> dict[str, Any]:
        """As the sweep file has it."""
        return {self.key: list(self.values), **({LOG: True} if self.log else {})}

    @property
    def dearest(self) -> Any:
        """What takes most memory and time, as far as sizes tell: the high end, or the choice of the largest numbers."""
        return self.ends[1] if self.ends is not None else max(self.choices, key=_numbers)

    @property
    def count(self) -> int | None:
        """How many values there are; None of a continuous range."""
        if self.ends is None:
            return len(self.choices)
        return int(self.ends[1]) - int(self.ends[0]) + 1 if self.is_whole else None

    def holds(self, value: Any) -> bool:
        """Whether ``value`` is one of its."""
        if self.ends is None:
            return any(type(one) is type(value) and one == value for one in self.choices)
        if not _is_number(value) or (self.is_whole and value != int(value)):
            return False
        return bool(self.ends[0] <= value <= self.ends[1])


def is_searched(value: Any) -> bool:
    """Whether ``value`` is written as a range or a choice."""
    if not isinstance(value, Mapping):
        return False
    return set(value) == {CHOICE} or (RANGE in value and set(value) <= {RANGE, LOG})


def find(tree: grid.Tree, path: Path = ()) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every range and choice of ``tree``, in file order."""
    for key, value in tree.items():
        here = (*path, key)
        if is_searched(value):
            yield here, value
        elif isinstance(value, Mapping) and not grid.is_grid(value):
            yield from find(value, here)


def dimensions(tree: grid.Tree) -> list[Dimension]:
    """Those of ``tree`` that are as they must be."""
    found = [(path, value) for path, value in find(tree) if not any(_own_faults(path, value))]
    paths = [path[1:] for path, _ in found]
    every = []
    for path, value in found:
        name = grid.shortest_label(path[1:], paths)
        if CHOICE in value:
            every.append(Dimension(path, name, choices=tuple(value[CHOICE])))
        else:
            low, high = value[RANGE]
            every.append(Dimension(path, name, (low, high), bool(value.get(LOG, False))))
    return every


def at_first(tree: grid.Tree) -> dict[str, Any]:
    """``tree`` with each dimension at its first value."""
    return grid.replace(tree, {one.path: one.values[0] for one in dimensions(tree)})


def space_faults(tree: grid.Tree) -> list[tuple[Place, str, Any]]:
    """What is wrong with the ranges and choices themselves, and with what stands beside them: (place, rule, value)."""
    found = list(find(tree))
    faults = [fault for path, value in found for fault in _own_faults(path, value)]
    section = tree.get("search")
    method = section.get("method", "grid") if isinstance(section, Mapping) else "grid"
    if method == "grid":
        rule = f"must be a value or a grid, {{grid: [a, b]}}, unless `search.method` is one that searches ({METHODS})"
        faults += [(path, rule, dict(value)) for path, value in found]
        return faults
    if not found and method in METHODS.split(", "):
        faults.append(
            (("search", "method"), "must be `grid` where `attack` has no range and no choice to search", method)
        )
    rule = (
        "must not be a grid in a search, which has one data set, task and attack: give one value (or search a choice)"
    )
    faults += [
        ((*path, "grid"), rule, values)
        for path, values in grid.find_grids(tree)
        if path[0] not in ("evaluation", *grid.UNGRIDDED)
    ]
    return faults


def _own_faults(path: Path, value: Mapping[str, Any]) -> Iterator[tuple[Place, str, Any]]:
    if path[0] != WITHIN or len(path) == 1 or path[1] in _FIXED or path[-1] == "name":
        rule = f"only values under `{WITHIN}`, but not {' or '.join(_FIXED)}, can be searched"
        yield path, f"must not be a range or a choice: {rule}", dict(value)
    elif CHOICE in value:
        given = value[CHOICE]
        if not isinstance(given, list) or len(given) < 2:
            yield (*path, CHOICE), "must be a list of at least two values", given
        elif any(one in given[:index] for index, one in enumerate(given)):
            yield (*path, CHOICE), "must name each value once", given
    else:
        given, log = value[RANGE], value.get(LOG, False)
        if not isinstance(given, list) or len(given) != 2 or not all(map(_is_number, given)):
            yield (*path, RANGE), "must be [low, high], two numbers", given
        elif given[0] >= given[1]:
            yield (*path, RANGE), "must be [low, high] with low below high", given
        elif log is True and given[0] <= 0:
            yield (*path, RANGE, 0), "must be positive where `log` is true", given[0]
        if not isinstance(log, bool):
            yield (*path, LOG), "must be true or false", log


def _numbers(value: Any) -> float:
    """The sum of the numbers in ``value``."""
    if isinstance(value, Mapping):
        return sum(map(_numbers, value.values()))
    if isinstance(value, list):
        return sum(map(_numbers, value))
    return float(value) if _is_number(value) else 0.0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
