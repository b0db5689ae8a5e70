"""What a sweep varies: its axes, and the series (a configuration with one variant) that they make.

Everything comes from the resolved spec, nothing from names: a user's own sweep is read as the shipped ones are.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pgan_ray.results import redact
from pgan_ray.spec import AttackConfig, Configuration, Settings, Sweep, TrialKey
from pgan_ray.spec.grid import Axis as GridAxis
from pgan_ray.spec.grid import axes as grid_axes
from pgan_ray.spec.grid import names_in
from pgan_ray.spec.readable import value_names

Path = tuple[str, ...]

ALPHA: Path = ("attack", "alpha")
LAMBDA: Path = ("attack", "lambda_prior")
ATTACK: Path = ("attack", "name")
TRAIN: Path = ("evaluation", "train_per_class")
PERCENTILE: Path = ("evaluation", "detector", "percentile")
NULL = "null"
TASK: Path = ("task",)
VICTIM: Path = ("evaluation", "victim")

_TITLES = {
    ALPHA: "α, weight of the discriminator",
    LAMBDA: "λ′ = λ / Pr(poison class)",
    TRAIN: "victim's training points",
    PERCENTILE: "percentile of the detector's threshold",
}


@dataclass(frozen=True)
class Axis:
    """Something that two or more ``values`` are given for. ``title`` is for people.

    ``attacks``: what the sweep's attacks are called, by their names in the file.
    """

    path: Path
    name: str
    title: str
    is_numeric: bool
    values: tuple[Any, ...]
    attacks: Mapping[str, str] = field(default_factory=dict, compare=False)

    @cached_property
    def names(self) -> list[str]:
        """What the values are called."""
        return value_names(self.values)


@dataclass(frozen=True)
class Series:
    """One configuration under one variant of its evaluation: one curve.

    ``settings`` hold the variant's evaluation. ``choices``: its value on each axis that means something for it.
    ``trial``: of a search, which one it is, of values that are on no axis.
    """

    configuration: str
    variant: str
    label: str
    settings: Settings
    choices: dict[Path, Any]
    setting: str = ""
    trial: TrialKey | None = None

    @property
    def is_control(self) -> bool:
        """Whether it is no attack, but what attacks are compared with."""
        return self.settings.attack.is_control

    @property
    def key(self) -> tuple[str, str]:
        """What the rows name it by."""
        return self.configuration, self.variant

    @property
    def alpha(self) -> float | None:
        """Of an attack that has one."""
        return parameters(self.settings.attack).get("alpha")

    @property
    def fractions(self) -> list[float]:
        """Its poison fractions, rising."""
        return sorted(self.settings.evaluation.poison_fractions)

    @property
    def classes(self) -> int:
        """Of the victims' task."""
        return len(self.settings.task.classes)

    def position(self, axis: Axis) -> float | None:
        """Where it stands on a numeric ``axis``; training points are counted over all classes."""
        return None if self.choices.get(axis.path) is None else self.value(axis.path)

    def value(self, path: Path) -> float:
        """The number that its settings hold at ``path``; training points are counted over all classes."""
        found: Any = self.settings
        for key in path:
            found = found[key] if isinstance(found, Mapping) else getattr(found, key)
        return float(found) * (self.classes if path == TRAIN else 1)


def series_of(sweep: Sweep) -> tuple[list[Axis], list[Series]]:
    """The axes on which ``sweep`` varies, and its series, both in the order of the file."""
    merged = [
        (configuration, variant.id, configuration.settings.model_copy(update={"evaluation": variant.evaluation}))
        for configuration in sweep.configurations
        for variant in configuration.variants
    ]
    trees = [settings.model_dump(mode="json") for _, _, settings in merged]
    attacks = {settings.attack.name: str(settings.attack.component.label) for _, _, settings in merged}
    axes: list[Axis] = []
    values: list[dict[Path, Any]] = [{} for _ in merged]
    for grid in grid_axes(sweep.document):
        read = [
            _given(tree, grid.path) if settings.reads(grid.path) else None
            for (_, _, settings), tree in zip(merged, trees, strict=True)
        ]
        distinct = _distinct(read)
        if len(distinct) < 2:
            continue
        axes.append(_axis(grid, distinct, attacks))
        for found, value in zip(values, read, strict=True):
            if value is not None:
                found[grid.path] = value

    def label(of: Configuration, settings: Settings, found: dict[Path, Any]) -> str:
        search = sweep.search
        which = "" if search is None or of.trial is None else f"{sweep.in_words(search.trial_text(of.trial))}: "
        return which + _label(settings, axes, found)

    return axes, [
        Series(one.id, variant, label(one, settings, found), settings, found, one.setting, one.trial)
        for (one, variant, settings), found in zip(merged, values, strict=True)
    ]


def configuration_label(one: Series, axes: Sequence[Axis]) -> str:
    """What the generators of its configuration are, whatever its variant."""
    return _label(one.settings, [axis for axis in axes if axis.path[0] != "evaluation"], one.choices)


def parameters(attack: AttackConfig) -> dict[str, float]:
    """The numbers that configurations of this attack are compared by."""
    found: dict[str, float] = attack.make().parameters()
    return found


def attack_label(attack: AttackConfig, *, with_alpha: bool = True) -> str:
    """``pGAN α 0.1``, ``nearest label flip``."""
    name, alpha = attack.component.label, parameters(attack).get("alpha")
    return f"{name} α {alpha:g}" if with_alpha and alpha is not None else name


def class_name(settings: Settings, label: int) -> str:
    """A class as people call it."""
    found: str = settings.dataset.component.class_names.get(label, str(label))
    return found


def taken_for(settings: Settings) -> tuple[str, str]:
    """``3 taken for 5`` and the reverse."""
    source = class_name(settings, settings.task.source_class)
    poison = class_name(settings, settings.task.poison_class)
    return f"{source} taken for {poison}", f"{poison} taken for {source}"


def per_cent(fraction: float) -> str:
    """``40 %``, ``2.5 %``."""
    return f"{round(100 * fraction, 6):g} %"


def value_label(axis: Axis, value: Any, classes: int) -> str:
    """One value of ``axis`` in a label."""
    return redact(_value_text(axis, value, classes))


def _value_text(axis: Axis, value: Any, classes: int) -> str:
    if axis.path == ALPHA:
        return f"α {value:g}"
    if axis.path == LAMBDA:
        return f"λ′ {value:g}"
    if axis.path == TRAIN:
        return f"{value * classes:,} points"
    if axis.path == ATTACK:
        return axis.attacks.get(value, str(value))
    if named := names_in(value, axis.values):
        return named.replace("+", " + ").replace("_", " ") if value else f"no {axis.name}"
    if value == NULL:
        return f"no {axis.name.replace('_', ' ')}"
    if isinstance(value, dict):  # a whole section
        called = axis.names[axis.values.index(value)]
        if axis.path == TASK:
            return called
        name = value.get("name")
        if not name:
            return f"{axis.name} {called}"
        plain = str(axis.attacks.get(name, name) if axis.path == ("attack",) else name).replace("_", " ")
        return f"{plain}{called.removeprefix(name)}" if called.startswith(name) else called
    if axis.is_numeric:
        return f"{axis.name.replace('_', ' ')} {value:g}"
    return value.replace("_", " ") if isinstance(value, str) else f"{axis.name} {_text(value)}"


def _label(settings: Settings, axes: Sequence[Axis], choices: dict[Path, Any]) -> str:
    parts = []
    for axis in axes:
        if axis.path not in choices:
            continue
        if axis.path == ATTACK:
            parts.append(attack_label(settings.attack, with_alpha=ALPHA not in choices))
        else:
            parts.append(value_label(axis, choices[axis.path], len(settings.task.classes)))
    if settings.attack.is_control and attack_label(settings.attack) not in parts:
        parts.insert(0, attack_label(settings.attack))  # the grids are of the attack that it stands beside
    return ", ".join(parts) or attack_label(settings.attack)


def _axis(grid: GridAxis, values: Sequence[Any], attacks: Mapping[str, str]) -> Axis:
    is_numeric = grid.path != ("seed",) and all(
        isinstance(value, (int, float)) and not isinstance(value, bool) for value in values
    )
    title = _TITLES.get(grid.path, grid.label.replace("_", " "))
    return Axis(grid.path, grid.label, title, is_numeric, tuple(values), attacks)


def _given(tree: Any, path: Path) -> Any:
    """The value at ``path``, which means something there: null is one, too."""
    found = _at(tree, path)
    return NULL if found is None else found


def _at(tree: Any, path: Path) -> Any:
    for key in path:
        if tree is None:
            return None
        tree = tree[key]
    return tree


def _distinct(values: Sequence[Any]) -> list[Any]:
    return list({_text(value): value for value in values if value is not None}.values())


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def combinations(
    series: Sequence[Series], without: Iterable[Path], *, with_trials: bool = False
) -> dict[str, list[Series]]:
    """``series`` in groups that differ in nothing but the axes ``without``, by a key.

    ``with_trials``: nor in which trial of a search they are.
    """
    left_out = set(without)
    found: dict[str, list[Series]] = defaultdict(list)
    for one in series:
        trial = None if with_trials else one.trial
        found[repr([trial, *((p, v) for p, v in one.choices.items() if p not in left_out)])].append(one)
    return found
