"""From a file's tree to configurations: every grid replaced by each of its values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from pgan_ray.errors import SpecError
from pgan_ray.spec import grid
from pgan_ray.spec.choices import Chooser
from pgan_ray.spec.faults import faults_of, where
from pgan_ray.spec.readable import in_words, readable
from pgan_ray.spec.settings import Settings
from pgan_ray.spec.sweep import Configuration, Variant
from pgan_ray.text import printable_line

MAX_FAULTS = 100
SURROGATE = ("task", "surrogate_classes")


@dataclass(frozen=True)
class Expanded:
    """What a tree comes to. ``document``: the tree with all defaults filled in, its grids still in it."""

    configurations: dict[str, Configuration]
    document: dict[str, Any]


def expand(origin: str, tree: Mapping[str, Any]) -> Expanded:
    """The configurations that a ``tree`` without `tree_faults` describes, by their ids.

    Raises `SpecError`: it may still hold values that do not go together.
    """
    chooser, axes = Chooser(tree), grid.axes(tree)
    names = [axis.path for axis in axes if axis.path[-1] == "name"]
    trial_axes = [axis for axis in axes if not axis.in_evaluation]
    setting_axes = [axis for axis in trial_axes if axis.path[0] != "attack" and axis.path != SURROGATE]
    variant_axes = [axis for axis in axes if axis.in_evaluation]
    configurations: dict[str, Configuration] = {}
    faulty: dict[str, list[str]] = {}  # fault -> the combinations that have it
    of_names: dict[tuple[Any, ...], Settings] = {}
    alike = tree.keys() - {axis.path[0] for axis in axes}
    read: dict[str, Any] = {}  # what all configurations have alike, read once and shared
    for values in grid.combinations(trial_axes):
        chosen = {axis.path: value for axis, value in zip(trial_axes, values, strict=True)}
        settings: Settings | None = None
        variants: dict[str, Variant] = {}
        for others in grid.combinations(variant_axes):
            chosen |= {axis.path: value for axis, value in zip(variant_axes, others, strict=True)}
            one = chooser.choose(chosen)
            try:
                found = Settings.model_validate(one | read)
            except ValidationError as error:
                label = grid.choice_id([*trial_axes, *variant_axes], (*values, *others))
                for place, rule in faults_of(error, one):
                    faulty.setdefault(f"{origin}:{where(place)}: {rule}", []).append(label)
                continue
            read = read or {key: getattr(found, key) for key in alike}
            settings = settings or found
            of_names.setdefault(tuple(chosen[path] for path in names), found)
            variant = _read_id(found, variant_axes, others)
            variants.setdefault(variant, Variant(variant, found.evaluation))
        if settings is not None:
            name = _read_id(settings, trial_axes, values) or "base"
            setting = _read_id(settings, setting_axes, [chosen[axis.path] for axis in setting_axes])
            configurations.setdefault(name, Configuration(name, settings, tuple(variants.values()), setting))
    if faulty:
        called = readable(tree)
        raise spec_error(origin, [f"{line}{in_words(_with(labels), called)}" for line, labels in faulty.items()])
    whole = chooser.of_all([settings.model_dump(mode="json") for settings in of_names.values()])
    document = grid.replace(whole, {axis.path: {"grid": list(axis.values)} for axis in axes})
    return Expanded(configurations, _in_order(document, tree))


def spec_error(origin: str, lines: Sequence[str]) -> SpecError:
    """Each fault once, and nothing in it that a terminal would obey: the file may be a stranger's."""
    lines = list(dict.fromkeys(printable_line(line) for line in lines))
    more = len(lines) - MAX_FAULTS
    return SpecError([*lines[:MAX_FAULTS], *([f"{origin}: and {more:,} more faults"] if more > 0 else [])])


def _in_order(document: dict[str, Any], tree: Mapping[str, Any]) -> dict[str, Any]:
    """``document`` with the keys of ``tree`` first, in its order: read back, the axes give the same names."""
    ordered: dict[str, Any] = {}
    for key in (key for key in dict.fromkeys([*tree, *document]) if key in document):
        value, written = document[key], tree.get(key)
        if isinstance(value, dict) and isinstance(written, Mapping) and not grid.is_grid(value):
            value = _in_order(value, written)
        ordered[key] = value
    return ordered


def _read_id(settings: Settings, axes: Sequence[grid.Axis], values: Sequence[Any]) -> str:
    """The name of one choice, of the axes that mean something with it: the others' values are one and the same."""
    read = [(axis, value) for axis, value in zip(axes, values, strict=True) if settings.reads(axis.path)]
    return grid.choice_id([axis for axis, _ in read], [value for _, value in read])


def _with(labels: Sequence[str]) -> str:
    if not any(labels):
        return ""
    return f" (with {labels[0] if len(labels) == 1 else f'{labels[0]} and {len(labels) - 1:,} more'})"
