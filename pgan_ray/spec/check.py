"""Validating one sweep with its grids in place: all its faults, and how large it is."""

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

from pydantic import ValidationError

from pgan_ray.spec import grid, space
from pgan_ray.spec.choices import Chooser
from pgan_ray.spec.faults import UNKNOWN, Fault, Place, faults_of, show
from pgan_ray.spec.limits import number_faults
from pgan_ray.spec.readable import value_names
from pgan_ray.spec.settings import Settings

_UNUSABLE = object()
"""Stands for a grid without values: no field takes it, and the fault that comes of it is not told."""


def tree_faults(tree: grid.Tree) -> list[Fault]:
    """The faults of the grids in ``tree`` and of each of their values, one axis at a time."""
    odd = [*space.space_faults(tree), *grid.grid_faults(tree)]
    searched = {dimension.path: dimension for dimension in space.dimensions(tree)}
    faults: list[Fault] = [(place, f"{rule}, got {show(value)}") for place, rule, value in odd]
    unusable = [path for path, values in grid.find_grids(tree) if not grid.is_usable(values)]
    unusable += [path for path, _ in space.find(tree) if path not in searched]
    # Each end and each choice must be right by itself, as each value of a grid.
    tree = grid.replace(tree, {path: {"grid": list(one.values)} for path, one in searched.items()})
    axes = grid.axes(tree)
    base: set[Fault] = set()
    unknown: set[Place] = set()
    for choice, one in _one_axis_at_a_time(grid.replace(tree, dict.fromkeys(unusable, _UNUSABLE)), axes):
        at = {axis.path: 0 for axis in axes}
        if choice is not None:
            at[choice[0].path] = choice[1]
        for place, rule in settings_faults(one):
            if any(place[: len(path)] == path for path in unusable):
                continue
            fault = (_in_grid(place, at), rule)
            if rule.startswith(UNKNOWN) and place in at:
                fault = (place, rule)  # the key is at fault, whatever its values
            if rule.startswith(UNKNOWN) and fault[0] in unknown:
                continue
            unknown.add(fault[0])
            if choice is None:
                base.add(fault)
            elif fault not in base and fault[0] == place:
                # Between fields: the value alone is right.
                axis, index = choice
                fault = (place, f"{rule} (with {axis.label}={value_names(axis.values)[index]})")
            faults.append(fault)
    return [(_as_written(place, searched), rule) for place, rule in dict.fromkeys(faults)]


def _as_written(place: Place, searched: Mapping[grid.Path, space.Dimension]) -> Place:
    """``place`` where what stands there is a range or a choice, and was looked at as a grid."""
    for path, one in searched.items():
        if place[: len(path) + 1] == (*path, "grid"):
            return (*path, one.key, *place[len(path) + 1 :])
    return place


def settings_faults(tree: grid.Tree) -> list[Fault]:
    """The faults of a ``tree`` that holds no grids."""
    faults: list[Fault] = []
    try:
        Settings.model_validate(tree)
    except ValidationError as error:
        faults = list(faults_of(error, tree))
    told = {place for place, _ in faults}
    return [*faults, *(fault for fault in number_faults(tree) if fault[0] not in told)]


def size(tree: grid.Tree) -> tuple[int, int]:
    """How many configurations and cells a ``tree`` without faults describes at most; none of them is made.

    Choices that mean nothing beside others, such as alphas of a baseline, are counted here and left out later; so are
    controls where poison replaces nothing.

    A sweep's cells are replicates x fractions x runs, summed over all combinations. An axis changes some of these
    factors and no other axis changes the same, so the sum is the product of the axes' own sums over the base's count.
    """
    axes = grid.axes(tree)
    by_axis: dict[grid.Path, int] = {}
    base = 0
    for choice, one in _one_axis_at_a_time(tree, axes):
        settings = Settings.model_validate(one)
        evaluation = settings.evaluation
        cells = settings.attack.replicates * evaluation.runs * len(evaluation.poison_fractions)
        if choice is None:
            base = cells
            by_axis = {axis.path: base for axis in axes}
        else:
            by_axis[choice[0].path] += cells
    configurations = prod(len(axis.values) for axis in axes if not axis.in_evaluation)
    cells = prod(by_axis.values()) * base // base ** len(axes)
    if tree.get("controls", True):
        attacks = prod(len(axis.values) for axis in axes if axis.path[0] == "attack")
        return configurations + configurations // attacks, cells + cells // attacks
    return configurations, cells


def _one_axis_at_a_time(
    tree: grid.Tree, axes: Sequence[grid.Axis]
) -> Iterator[tuple[tuple[grid.Axis, int] | None, dict[str, Any]]]:
    """The base, which takes every axis's first value; then, in its place, each other value: (axis, index), tree."""
    chooser = Chooser(tree)
    first = {axis.path: axis.values[0] for axis in axes}
    yield None, chooser.choose(first)
    for axis in axes:
        names = chooser.names_that_read(axis.path)
        for index, value in enumerate(axis.values[1:], 1):
            yield (axis, index), chooser.choose(first | names | {axis.path: value})


def _in_grid(place: Place, at: Mapping[grid.Path, int]) -> Place:
    """``place`` with ``grid`` and the index put in, where it is inside an axis."""
    for path, index in at.items():
        if place[: len(path)] == path:
            return (*path, "grid", index, *place[len(path) :])
    return place
