"""More values for the grids of a finished sweep, or more replicates: what there is keeps its name and settings."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pgan_ray.errors import SpecError
from pgan_ray.spec import grid
from pgan_ray.spec.components import AttackConfig
from pgan_ray.spec.expand import spec_error
from pgan_ray.spec.faults import show
from pgan_ray.spec.load import load_record
from pgan_ray.spec.record import SweepRecord
from pgan_ray.spec.settings import Settings
from pgan_ray.spec.sweep import Configuration, Sweep
from pgan_ray.spec.yaml_file import parse_override

OPTION, REPLICATES = "--add", "--replicates"
ANEW = "run the whole grid as a new sweep"


def with_values(record: SweepRecord, additions: Sequence[str]) -> SweepRecord:
    """The ``record`` of a grid with each of ``additions``, ``a.b=value``, at the end of the grid at that path.

    Its configurations are those that a new sweep with all these values has. Raises `SpecError` where a value cannot be
    one of that grid, or an old configuration would not stay as it is.
    """
    document: dict[str, Any] = copy.deepcopy(dict(record.document))
    lines: list[str] = []
    for addition in additions:
        try:
            _append(document, addition)
        except SpecError as error:
            lines += error.faults
    if lines:
        raise spec_error(OPTION, lines)
    longer = _longer(record, document, OPTION)
    _check_kept(record.sweep, longer.sweep, OPTION)
    if longer.sweep.cells == record.sweep.cells:
        raise SpecError(
            [f"{OPTION} {additions[0]}: must add to a grid that some configuration uses, got one that none uses"]
        )
    return longer


def with_replicates(record: SweepRecord, more: int) -> SweepRecord:
    """The ``record`` with so many ``more`` replicates of each attack and, as they go by these, of the controls.

    Raises `SpecError` where a configuration would not stay as it is otherwise.
    """
    document: dict[str, Any] = copy.deepcopy(dict(record.document))
    attack, given = document["attack"], f"{REPLICATES} {more}"
    for section in attack["grid"] if grid.is_grid(attack) else [attack]:
        there = section.get("replicates", AttackConfig.model_fields["replicates"].default)
        if grid.is_grid(there):
            rule = "must go with a sweep in which `replicates` is one number for each attack, got a grid of numbers"
            raise SpecError([f"{given}: {rule}: add a value to that grid with {OPTION}"])
        section["replicates"] = there + more
    longer = _longer(record, document, given)
    grown = [replace(one, settings=_grown(one.settings, more)) for one in record.sweep.configurations]
    names = {one.id for one in longer.sweep.configurations}
    if lost := [one.id for one in grown if one.id not in names]:
        rule = "must not rename a configuration: where attacks of a grid share a `name`, `replicates` is part of theirs"
        raise SpecError([f"{given}: {rule}, got another name for `{lost[0]}`; {ANEW}"])
    _check_kept(replace(record.sweep, configurations=tuple(grown)), longer.sweep, REPLICATES)
    return longer


def _grown(settings: Settings, more: int) -> Settings:
    attack = settings.attack
    return settings.model_copy(update={"attack": attack.model_copy(update={"replicates": attack.replicates + more})})


def _longer(record: SweepRecord, document: dict[str, Any], option: str) -> SweepRecord:
    try:
        return load_record(record.extended(document).to_yaml(), option, imports=True)
    except SpecError as error:
        raise SpecError([line.replace(f"{option}:", f"{option} ", 1) for line in error.faults]) from None


def _append(document: dict[str, Any], addition: str) -> None:
    path, value = parse_override(addition, OPTION)
    given, dotted = f"{OPTION} {addition}", ".".join(path)
    grids = dict(grid.find_grids(document))
    if path not in grids:
        there = " or ".join(".".join(one) for one in grids) or "it has no grids"
        raise SpecError([f"{given}: must name a grid of the sweep ({there}), got {_found(document, path)}"])
    if len(path) > 1 and path[-1] == "name":
        rule = f"must not add to a grid of names: the keys beside `{dotted}` belong to the names that it already has"
        raise SpecError([f"{given}: {rule}; {ANEW}"])
    if any(grid.same(value, other) for other in grids[path]):
        raise SpecError([f"{given}: must be a value that the grid does not have yet, got one of {show(grids[path])}"])
    grids[path].append(value)


def _found(document: Mapping[str, Any], path: grid.Path) -> str:
    """What is at ``path``, where no grid is."""
    node: Any = document
    for index, key in enumerate(path):
        if grid.is_grid(node):
            return f"a field of the grid `{'.'.join(path[:index])}`, whose values are whole sections"
        if not isinstance(node, Mapping) or key not in node:
            return "no such key"
        node = node[key]
    return "a section" if isinstance(node, Mapping) else f"one value, {show(node)}"


def _check_kept(old: Sweep, new: Sweep, option: str) -> None:
    """See that ``new`` has each configuration of ``old`` as it was. Raises `SpecError`, naming the first it has not."""
    found = {one.id: one for one in new.configurations}
    reasons = [(one.id, reason) for one in old.configurations if (reason := _change(one, found.get(one.id)))]
    if reasons:
        first, reason = reasons[0]
        more = f" (and {len(reasons) - 1:,} more)" if len(reasons) > 1 else ""
        raise spec_error(option, [f"{option}: must leave the configuration `{first}`{more} unchanged, got {reason}"])


def _change(old: Configuration, new: Configuration | None) -> str | None:
    """How ``new`` is not ``old``; None where it is, or has its generators and poison evaluated in more ways."""
    if new is None and old.is_control:
        return "this control a second time, as a value of the grid"
    if new is None:
        return f"another name for it, because the grid now has two values with its `name`; {ANEW}"
    if old.settings != new.settings:
        return f"{_difference(old.settings, new.settings)}; {ANEW}"
    variants = {variant.id: variant for variant in new.variants}
    lost = next((variant.id for variant in old.variants if variants.get(variant.id) != variant), None)
    if lost is not None:
        return f"another name for its victims `{lost}`, because the grid now has two values with that `name`; {ANEW}"
    sampled, needed = (max(variant.evaluation.poison_set_size for variant in one.variants) for one in (old, new))
    if old.settings.attack.is_trained and needed > sampled:
        return f"a need for {needed:,} points of poison, where its generators were sampled for {sampled:,}; {ANEW}"
    return None if replace(new, variants=old.variants) == old else f"another setting or order; {ANEW}"


def _difference(old: Settings, new: Settings) -> str:
    """The first setting in which they differ."""
    before: Any = old.model_dump(mode="json")
    after: Any = new.model_dump(mode="json")
    path: list[str] = []
    while isinstance(before, Mapping) and isinstance(after, Mapping):
        key = next(key for key in [*before, *after] if before.get(key) != after.get(key))
        path, before, after = [*path, key], before.get(key), after.get(key)
    return f"`{'.'.join(path)}` {show(after)} instead of {show(before)}"
