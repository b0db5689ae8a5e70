"""What lies over a sweep file's body: its profiles, and the command line's overrides."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pgan_ray.errors import SpecError
from pgan_ray.spec import grid, space
from pgan_ray.spec.check import tree_faults
from pgan_ray.spec.choices import prune
from pgan_ray.spec.dataset import of_today
from pgan_ray.spec.faults import Fault, show, where
from pgan_ray.spec.names import PROFILE
from pgan_ray.spec.yaml_file import parse_override

Tree = dict[str, Any]
Override = tuple[tuple[str, ...], Any]

BODY = "body"
"""The profile that is the file's body, as it is."""
PAPER = "paper"
"""The profile of the paper's setting, in files that have one."""


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> Tree:
    """``above`` laid over ``below``, section by section; lists, values, grids and what is searched are replaced whole.

    Where it names another component, keys of ``below`` that this one does not have are left behind.
    """

    return _pruned(_laid_over(below, above), above)


def _pruned(tree: Tree, above: Mapping[str, Any]) -> Tree:
    """``tree`` without what ``above``, a layer of it, leaves behind by naming another component."""

    def may_go(path: tuple[str, ...], key: str) -> bool:
        section: Any = above
        for inner in path:
            section = section.get(inner) if isinstance(section, Mapping) else None
        return isinstance(section, Mapping) and "name" in section and key not in section

    return of_today(prune(tree, may_go))


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> Tree:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        sections = isinstance(old, Mapping) and isinstance(value, Mapping)
        if sections and not any(grid.is_grid(one) or space.is_searched(one) for one in (value, old)):
            merged[key] = _laid_over(old, value)  # type: ignore[arg-type]  # sections says so
        else:
            merged[key] = value
    return merged


def split_profiles(content: Tree, origin: str) -> tuple[Tree, dict[str, Tree], list[str]]:
    """A file's body, the usable ones of its profiles, and what is wrong with the others."""
    body = {key: value for key, value in content.items() if key != "profiles"}
    given = content.get("profiles")
    if given is None:
        return body, {}, []
    if not isinstance(given, Mapping):
        return body, {}, [f"{origin}:profiles: must be a section of named overrides, got {show(given)}"]
    profiles, lines = {}, []
    for name, value in given.items():
        place = f"{origin}:{where(('profiles', name))}"
        if not re.fullmatch(PROFILE, name):
            lines.append(f"{place}: must have a name that matches {PROFILE}, got {show(name)}")
        elif name == "auto":
            lines.append(f"{place}: must not be called `auto`: `--profile auto` chooses one of the other profiles")
        elif value is not None and not isinstance(value, Mapping):
            lines.append(f"{place}: must be a section of overrides, got {show(value)}")
        else:
            profiles[name] = dict(value or {})
    return body, profiles, lines


def offered(profiles: Iterable[str]) -> list[str]:
    """What can be chosen among: a file's ``profiles``, and its body unless one of them is the paper's setting."""
    names = set(profiles)
    return sorted(names if PAPER in names else names | {BODY})


def parse_overrides(texts: Sequence[str]) -> tuple[list[Override], list[str]]:
    """The ``a.b=value`` settings in ``texts``, and what is wrong with the others."""
    overrides, lines = [], []
    for text in texts:
        try:
            path, value = parse_override(text)
        except SpecError as error:
            lines += error.faults
            continue
        if path[0] == "profiles":
            lines.append(f"--set {text}: must name a key of the sweep file's body; choose a profile with --profile")
        else:
            overrides.append((path, value))
    return overrides, lines


def with_overrides(tree: Tree, overrides: Sequence[Override]) -> Tree:
    """``tree`` with each of ``overrides`` laid over it, the last one on top; none of them leaves another one behind."""
    every: Tree = {}
    for path, value in overrides:
        nested: Any = value
        for key in reversed(path):
            nested = {key: nested}
        tree, every = _laid_over(tree, nested), _laid_over(every, nested)
    return _pruned(dict(tree), every)


def layer_faults(
    body: Tree, profiles: Mapping[str, Tree], chosen: str, overrides: Sequence[Override], origin: str
) -> list[str]:
    """The faults of what is to run (``chosen`` under ``overrides``) and of every other profile as it is written.

    Each is told once, at the lowest layer that has it.
    """
    in_body = tree_faults(body)
    written = {BODY: in_body} if BODY in (chosen, *offered(profiles)) else {}
    written |= {name: tree_faults(merge(body, above)) for name, above in profiles.items()}
    checked = dict(written)
    if overrides and chosen in written:
        checked[chosen] = tree_faults(with_overrides(merge(body, profiles.get(chosen, {})), overrides))
    of_body: list[str] = []
    of_profiles: list[str] = []
    of_overrides: list[str] = []
    for name, faults in checked.items():
        for fault in faults:
            place, rule = fault
            if fault in in_body:
                of_body.append(_line(origin, fault))
            elif fault in written[name]:
                of_profiles.append(_line(origin, (("profiles", name, *place), rule)))
            else:
                of_overrides.append(f"--set {where(place)}: {rule}")
    return list(dict.fromkeys([*of_body, *of_profiles, *of_overrides]))


def _line(origin: str, fault: Fault) -> str:
    place, rule = fault
    return f"{origin}:{where(place)}: {rule}"
