"""Names and the keys that go with them, in the tree of a sweep file.

Beside a grid of names, keys of any of the named components may stand: each takes its own. A profile or `--set` that
names another component leaves behind what that one has no use for.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from pgan_ray.spec import grid
from pgan_ray.spec.one_of import OneOf, named_sections
from pgan_ray.spec.settings import Settings

Path = tuple[str, ...]
Tree = dict[str, Any]


class Chooser:
    """Puts one value of each grid of a ``tree`` into its place."""

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self._tree = tree
        # Of sections with a grid of names: name -> the keys that it has, and that another one has.
        self._keys: dict[Path, dict[str, frozenset[str]]] = {}
        for path, mark in named_sections(Settings, tree):
            name = _at(tree, path).get("name")
            if grid.is_grid(name) and grid.is_usable(name["grid"]):
                self._keys[path] = {name: _keys(mark, name) for name in mark.names(_at(tree, path))}

    def choose(self, choices: Mapping[Path, Any]) -> Tree:
        """The tree with the value at each path replaced, and without the keys of names that were not chosen."""
        chosen = grid.replace(self._tree, choices)
        for path, keys in self._keys.items():
            section = _at(chosen, path)
            if not isinstance(section, dict) or not isinstance(section.get("name"), str):
                continue  # not there any more, or not right
            own = keys.get(section["name"], frozenset())
            others = frozenset[str]().union(*keys.values()) if all(keys.values()) else frozenset(section)
            kept = {key: value for key, value in section.items() if key in own or key not in others}
            if own and len(kept) < len(section):
                chosen = grid.replace(chosen, {path: kept})
        return chosen

    def names_that_read(self, path: Path) -> dict[Path, str]:
        """Choices of names without which the axis at ``path`` would mean nothing."""
        chosen = {}
        for section, keys in self._keys.items():
            if path[: len(section)] == section and len(path) > len(section):
                name = next((name for name, own in keys.items() if path[len(section)] in own), None)
                if name is not None:
                    here = (*section, "name")
                    chosen[here] = name
        return chosen

    def of_all(self, trees: list[Tree]) -> Tree:
        """What resolved ``trees`` of different names hold together, for a document that all of them can come from.

        A default in which they differ is left out: each name has its own. So is all of a section that the file does
        not write and whose own name differs: its keys are of several names.
        """
        return _joined(trees, self._tree)


def prune(tree: Mapping[str, Any], may_go: Callable[[Path, str], bool]) -> Tree:
    """``tree`` without those keys of named sections that none of the names has, as far as they ``may_go``."""
    pruned = dict(tree)
    for path, mark in named_sections(Settings, tree):
        section = _at(pruned, path)
        if not isinstance(section, Mapping):
            continue
        if grid.is_grid(section) and isinstance(section["grid"], list):
            kept: Any = {"grid": [_pruned(value, mark, path, may_go) for value in section["grid"]]}
        else:
            kept = _pruned(section, mark, path, may_go)
        if kept != section:
            pruned = grid.replace(pruned, {path: kept})
    return pruned


def _pruned(section: Any, mark: OneOf, path: Path, may_go: Callable[[Path, str], bool]) -> Any:
    if not isinstance(section, Mapping):
        return section
    keys = [_keys(mark, name) for name in mark.names(section)]
    if not keys or not all(keys):
        return section  # the name is at fault
    if any(config.model_config.get("extra") == "allow" for config in mark.configs(section)):
        return section  # whatever stands there is a key
    known = frozenset[str]().union(*keys)
    return {key: value for key, value in section.items() if key in known or not may_go(path, key)}


def _keys(mark: OneOf, name: str) -> frozenset[str]:
    config = mark.find(name)
    return frozenset(config.model_fields) if config else frozenset()


def _joined(trees: list[Tree], written: Any) -> Tree:
    written = written if isinstance(written, Mapping) else {}
    differs = len({_text(tree["name"]) for tree in trees if "name" in tree}) > 1 and "name" not in written
    joined: Tree = {}
    for key in dict.fromkeys(key for tree in trees for key in tree):
        values = [tree[key] for tree in trees if key in tree]
        if differs and key not in written:
            continue
        if all(isinstance(value, dict) for value in values):
            found = _joined(values, written.get(key))
            if found or not any(values):
                joined[key] = found
        elif key in written or all(value == values[0] for value in values):
            joined[key] = values[0]
    return joined


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _at(tree: Mapping[str, Any], path: Path) -> Any:
    node: Any = tree
    for key in path:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node
