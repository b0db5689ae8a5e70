"""How much a sweep file may ask for, by arithmetic on its tree: nothing is expanded to be counted.

Some limits `--yes-really-large` lifts; beyond the others a sweep could not even be written down, or a number would
overflow on its way through NumPy, PyTorch or Ray.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

from pgan_ray.errors import SpecError
from pgan_ray.spec import grid

MOST_NUMBER = 10**9
"""Of sizes, widths, steps: products of a few of them still fit into 64 bits."""
MOST_ITEMS = 1_000
"""Of one list: hidden layers, poison fractions, classes."""
LEAST_NUMBER = 1e-30
"""Of what is not 0: PyTorch's 32 bits hold no number far below it."""
# Not amounts: names of any 63 bits; and the range of a user's own values, which is checked with these.
_OTHERS = ("seed", "task", "dataset")


@dataclass(frozen=True)
class Limit:
    """Of ``what``: so many without a flag, and so many at all."""

    what: str
    usual: int
    most: int


# Each variant of each configuration is a validated section of its own: about 150 µs and 5 kB.
CONFIGURATIONS = Limit("configurations", 10_000, 100_000)
VARIANTS = Limit("evaluation variants", 20_000, 200_000)
# A row each, of 50 bytes, and a file for some ten of them.
CELLS = Limit("cells", 10_000_000, 100_000_000)


def number_faults(tree: grid.Tree) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """(place, rule) of every number and list in ``tree`` that is too large, or too small, for any sweep."""
    for place, value in _values(tree, ()):
        if isinstance(value, list):
            if len(value) > MOST_ITEMS:
                yield place, f"must have at most {MOST_ITEMS:,} items, got {len(value):,}"
        elif place[0] in _OTHERS:
            continue
        elif abs(value) > MOST_NUMBER:
            bound = "at most " if value > 0 else "at least -"
            yield place, f"must be {bound}{MOST_NUMBER:,}, got {value}"
        elif 0 < abs(value) < LEAST_NUMBER:
            yield place, f"must be 0 or at least {LEAST_NUMBER:g}, got {value}"


def check_size(
    origin: str, tree: grid.Tree, size: tuple[int, int], *, really_large: bool, variants: int | None = None
) -> None:
    """See that a ``tree`` without faults, of this `pgan_ray.spec.check.size`, describes no more than can be run.

    ``variants``: how many all configurations have; by default each has all. Raises `SpecError`, naming ``origin``.
    """
    configurations, cells = size
    if variants is None:
        variants = configurations * prod(len(axis.values) for axis in grid.axes(tree) if axis.in_evaluation)
    lines = []
    for limit, count in ((CONFIGURATIONS, configurations), (VARIANTS, variants), (CELLS, cells)):
        if count > limit.most:
            lines.append(f"{origin}: a sweep must have at most {limit.most:,} {limit.what}, got {count:,}")
        elif count > limit.usual and not really_large:
            lines.append(
                f"{origin}: a sweep must have at most {limit.usual:,} {limit.what} unless --yes-really-large is given, "
                f"got {count:,}"
            )
    if lines:
        raise SpecError(lines)


def _values(value: Any, place: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every number and list in ``value``, with its place; of a list that is too long, not what is in it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _values(inner, (*place, key))
    elif isinstance(value, list):
        yield place, value
        for index, inner in enumerate(value if len(value) <= MOST_ITEMS else ()):
            yield from _values(inner, (*place, index))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield place, value
