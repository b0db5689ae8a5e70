"""From a YAML file to a resolved sweep; every fault is gathered before any is raised."""

from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from pgan_ray.errors import SpecError
from pgan_ray.spec import grid
from pgan_ray.spec.faults import Fault, faults_of, show, where
from pgan_ray.spec.record import SweepRecord
from pgan_ray.spec.settings import Settings
from pgan_ray.spec.sweep import Configuration, Sweep, Variant
from pgan_ray.spec.yaml_file import parse_mapping, parse_override, read_yaml

MAX_CONFIGURATIONS = 10_000
MAX_CELLS = 10_000_000


def load_sweep(
    file: FilePath, *, profile: str = "paper", overrides: Sequence[str] = (), really_large: bool = False
) -> Sweep:
    """Read, resolve and validate the sweep ``file``.

    ``profile`` names one of its profiles (``paper`` is the body where the file has none of that name);
    ``overrides`` are ``a.b=value`` settings that win over both. Raises `SpecError` with every fault.
    """
    return _resolve(file, read_yaml(file), profile, overrides, really_large)


def load_record(text: str, origin: str) -> SweepRecord:
    """The sweep that the ``text`` of a ``sweep.yaml`` holds; ``origin`` names it in errors. Raises `SpecError`."""
    body = parse_mapping(text, origin)
    file = FilePath(origin)
    head = body.pop("resolved", None)
    texts = isinstance(head, dict) and all(isinstance(head.get(key), str) for key in ("sweep_id", "profile"))
    if not texts or not isinstance(head.get("facts"), dict):
        raise SpecError([f"{file}:resolved: must be as `pgan-ray sweep` wrote it, got {show(head)}"])
    sweep = _expand(file, _checked(file, body), head["profile"], really_large=True)
    return SweepRecord(head["sweep_id"], sweep, head["facts"])


def _checked(file: FilePath, tree: dict[str, Any]) -> dict[str, Any]:
    faults = _tree_faults(tree)
    if faults:
        raise _spec_error(file, faults)
    return tree


def _resolve(
    file: FilePath, body: dict[str, Any], profile: str, overrides: Sequence[str], really_large: bool
) -> Sweep:
    profiles = body.pop("profiles", None) or {}
    faults = _profile_faults(profiles, profile)
    if faults:
        raise _spec_error(file, faults)
    choices = [parse_override(override) for override in overrides]

    tree = _with_overrides(merge(body, profiles.get(profile) or {}), choices)
    faults = _tree_faults(tree)
    known = {rule for _, rule in faults}
    for name, override in profiles.items():
        # The other profiles' own faults, at their own place; those of the body have been said.
        for place, rule in _tree_faults(merge(body, override or {})):
            if rule not in known or _reaches(override or {}, place):
                faults.append(
                    (("profiles", name, *place) if _reaches(override or {}, place) else place, rule)
                )
    if faults:
        raise _spec_error(file, _unique(faults))
    return _expand(file, tree, profile, really_large)


def profile_names(file: FilePath) -> list[str]:
    """The profiles that the sweep ``file`` offers, ``paper`` among them."""
    profiles = read_yaml(file).get("profiles") or {}
    return sorted({"paper", *(profiles if isinstance(profiles, Mapping) else ())})


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``above`` laid over ``below``, section by section; lists, values and grids are replaced whole."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        sections = isinstance(old, Mapping) and isinstance(value, Mapping)
        if sections and not grid.is_grid(value) and not grid.is_grid(old):
            merged[key] = merge(old, value)  # type: ignore[arg-type]  # sections says so
        else:
            merged[key] = value
    return merged


def _profile_faults(profiles: Any, wanted: str) -> list[Fault]:
    if not isinstance(profiles, Mapping):
        return [(("profiles",), f"must be a section of named overrides, got {show(profiles)}")]
    faults: list[Fault] = [
        (("profiles", name), f"must be a section of overrides, got {show(value)}")
        for name, value in profiles.items()
        if value is not None and not isinstance(value, Mapping)
    ]
    if wanted != "paper" and wanted not in profiles:
        offered = ", ".join(sorted({"paper", *map(str, profiles)}))
        faults.append((("profiles",), f"must hold the profile asked for, got {wanted!r}; offered: {offered}"))
    return faults


def _with_overrides(tree: dict[str, Any], choices: Sequence[tuple[tuple[str, ...], Any]]) -> dict[str, Any]:
    for path, value in choices:
        nested: Any = value
        for key in reversed(path):
            nested = {key: nested}
        tree = merge(tree, nested)
    return tree


def _tree_faults(tree: dict[str, Any]) -> list[Fault]:
    """Faults of one resolved tree: of its grids, else of each of their values, one axis at a time."""
    broken = grid.grid_faults(tree)
    if broken:
        return [(place, f"{rule}, got {show(value)}") for place, rule, value in broken]
    axes = grid.axes(tree)
    first = {axis.path: axis.values[0] for axis in axes}
    faults: list[Fault] = []
    for place, rule in _settings_faults(grid.replace(tree, first)):
        at_axis = next((axis for axis in axes if place[: len(axis.path)] == axis.path), None)
        faults.append(((*at_axis.path, "grid", 0, *place[len(at_axis.path) :]) if at_axis else place, rule))
    for axis in axes:
        for index, value in enumerate(axis.values[1:], 1):
            for place, rule in _settings_faults(grid.replace(tree, first | {axis.path: value})):
                inside = place[: len(axis.path)] == axis.path
                faults.append(
                    ((*axis.path, "grid", index, *place[len(axis.path) :]) if inside else place, rule)
                )
    return _unique(faults)


def _settings_faults(tree: dict[str, Any]) -> list[Fault]:
    try:
        Settings.model_validate(tree)
    except ValidationError as error:
        return list(faults_of(error, tree))
    return []


def _expand(file: FilePath, tree: dict[str, Any], profile: str, really_large: bool) -> Sweep:
    axes = grid.axes(tree)
    trial_axes = [axis for axis in axes if not axis.in_evaluation]
    variant_axes = [axis for axis in axes if axis.in_evaluation]
    count = 1
    for axis in trial_axes:
        count *= len(axis.values)
    if count > MAX_CONFIGURATIONS and not really_large:
        raise SpecError([_too_many(file, f"{count:,} configurations", f"{MAX_CONFIGURATIONS:,}")])

    configurations, faults = [], []
    for values in grid.combinations(trial_axes):
        chosen = {axis.path: value for axis, value in zip(trial_axes, values, strict=True)}
        variants, settings = [], None
        for variant_values in grid.combinations(variant_axes):
            both = chosen | {
                axis.path: value for axis, value in zip(variant_axes, variant_values, strict=True)
            }
            resolved = grid.replace(tree, both)
            try:
                variant_settings = Settings.model_validate(resolved)
            except ValidationError as error:
                label = grid.choice_id([*trial_axes, *variant_axes], (*values, *variant_values))
                faults += [(place, f"{rule} (with {label})") for place, rule in faults_of(error, resolved)]
                continue
            settings = settings or variant_settings
            variants.append(
                Variant(grid.choice_id(variant_axes, variant_values), variant_settings.evaluation)
            )
        if settings is not None:
            name = grid.choice_id(trial_axes, values) or "base"
            configurations.append(Configuration(name, settings, tuple(variants)))
    if faults:
        raise _spec_error(file, faults)

    base = configurations[0].settings
    document = grid.replace(
        base.model_dump(mode="json"), {axis.path: {"grid": list(axis.values)} for axis in axes}
    )
    sweep = Sweep(base.name, base.description, profile, base.resources, tuple(configurations), document)
    if sweep.cells > MAX_CELLS and not really_large:
        raise SpecError([_too_many(file, f"{sweep.cells:,} cells", f"{MAX_CELLS:,}")])
    return sweep


def _too_many(file: FilePath, what: str, limit: str) -> str:
    return f"{file}: a sweep must have at most {limit} unless --yes-really-large is given, got {what}"


def _reaches(override: Mapping[str, Any], place: Sequence[str | int]) -> bool:
    node: Any = override
    for depth, key in enumerate(place):
        if isinstance(node, list) and isinstance(key, int):
            return True
        if not isinstance(node, Mapping) or key not in node:
            return depth > 0 and not isinstance(node, Mapping)
        node = node[key]
    return bool(place)


def _unique(faults: Sequence[Fault]) -> list[Fault]:
    return list(dict.fromkeys(faults))


def _spec_error(file: FilePath, faults: Sequence[Fault]) -> SpecError:
    return SpecError([f"{file}:{where(place)}: {rule}" for place, rule in faults])
