"""From a YAML file to a resolved sweep; every fault is gathered before any is raised."""

import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from pgan_ray.errors import SpecError
from pgan_ray.registry import foreign_as
from pgan_ray.spec import grid
from pgan_ray.spec.check import size, tree_faults
from pgan_ray.spec.choices import Chooser, prune
from pgan_ray.spec.controls import with_controls
from pgan_ray.spec.faults import faults_of, show, where
from pgan_ray.spec.foreign import description_fault, stand_ins
from pgan_ray.spec.layers import (
    BODY,
    layer_faults,
    merge,
    offered,
    parse_overrides,
    split_profiles,
    with_overrides,
)
from pgan_ray.spec.limits import check_size
from pgan_ray.spec.names import PROFILE, SWEEP_ID
from pgan_ray.spec.record import (
    COMPONENTS,
    CONTROLS_AND_SCALING_SINCE,
    FORMAT_KEY,
    MAX_RECORD_BYTES,
    RESOLVED,
    SweepRecord,
    digest,
)
from pgan_ray.spec.settings import Settings
from pgan_ray.spec.sweep import Configuration, Sweep, Variant
from pgan_ray.spec.yaml_file import SweepText, parse_mapping, read_content
from pgan_ray.text import printable_line

MAX_FAULTS = 100
SURROGATE = ("task", "surrogate_classes")

Source = FilePath | SweepText | Mapping[str, Any]


def load_sweep(
    source: Source, *, profile: str = BODY, overrides: Sequence[str] = (), really_large: bool = False
) -> Sweep:
    """Read, resolve and validate a sweep file, or a mapping with its content.

    ``profile`` names one of its profiles, or is ``body``, the file without any of them;
    ``overrides`` are ``a.b=value`` settings that win over both. Raises `SpecError` with every fault.
    """
    content, origin = read_content(source)
    head = content.pop(RESOLVED, None)  # a finished sweep's own file can be run again, and keeps its profile's name
    head_faults = [] if head is None else _head_faults(origin, head)
    if head is not None and not head_faults and FORMAT_KEY not in head:
        content = prune(content)
    body, profiles, lines = split_profiles(content, origin)
    lines += head_faults
    named = head["profile"] if head is not None and not head_faults else BODY
    if profile not in (BODY, named, *profiles):
        names = ", ".join(offered(profiles))
        lines.append(f"{origin}:profiles: must hold the profile asked for, got {show(profile)}; offered: {names}")
    choices, faulty = parse_overrides(overrides)
    lines += layer_faults(body, profiles, profile, choices, origin) + faulty
    if lines:
        raise _spec_error(origin, lines)
    tree = with_overrides(merge(body, profiles.get(profile, {})), choices)
    check_size(origin, tree, size(tree), really_large=really_large)
    return _expand(origin, tree, named if profile == BODY else profile)


def load_record(text: str, origin: str, *, imports: bool = False) -> SweepRecord:
    """The sweep that the ``text`` of a ``sweep.yaml`` holds; ``origin`` names it in errors.

    ``imports``: it is going to be run, so components that are not ours are imported. Else nobody's code runs, and they
    are what the record says of them. Raises `SpecError`.
    """
    if len(text.encode(errors="replace")) > MAX_RECORD_BYTES:
        raise SpecError([f"{origin}: must have at most {MAX_RECORD_BYTES:,} bytes, got more"])
    body = parse_mapping(text, origin)
    head = body.pop(RESOLVED, None)
    lines = _head_faults(origin, head)
    if lines:
        raise _spec_error(origin, lines)
    with nullcontext() if imports else foreign_as(stand_ins(head.get(COMPONENTS, {}))):
        return _record(body, head, origin)


def _record(body: dict[str, Any], head: dict[str, Any], origin: str) -> SweepRecord:
    written = body
    is_edited = head.get("digest", digest(body)) != digest(body)
    is_old = FORMAT_KEY not in head
    if is_old:
        body = prune(body)
    if is_old or head[FORMAT_KEY] < CONTROLS_AND_SCALING_SINCE:
        body = {**body, "controls": False, "dataset": _unscaled(body.get("dataset"))}
    lines = [f"{origin}:{where(place)}: {rule}" for place, rule in tree_faults(body)]
    if lines:
        raise _spec_error(origin, lines)
    check_size(origin, body, size(body), really_large=True)  # who began it was asked
    if is_edited:
        raise SpecError(
            [
                f"{origin}: must be as `pgan-ray sweep` wrote it, got an edited one, whose results would not go with "
                f"those that are there: undo the edit, or run it anew with `pgan-ray sweep {origin} --out DIR`"
            ]
        )
    found = _expand(origin, body, head["profile"], by_name=not is_old)
    return SweepRecord(head["sweep_id"], found, head["facts"], written, head.get(FORMAT_KEY))


def _unscaled(section: Any) -> Any:
    """The data set ``section`` of a record of old, in which floats were left as they are."""
    if grid.is_grid(section) and isinstance(section["grid"], list):
        return {"grid": [_unscaled(one) for one in section["grid"]]}
    if not isinstance(section, Mapping) or not isinstance(section.get("path"), str) or section.get("value_range"):
        return section
    return {"scaling": "none", **section}


def profile_names(source: Source) -> list[str]:
    """The profiles that a sweep file offers; its body is one where it has no ``paper``."""
    _, profiles, _ = split_profiles(*read_content(source))
    return offered(profiles)


def _head_faults(origin: str, head: Any) -> list[str]:
    texts: list[Any] = []
    if isinstance(head, dict) and isinstance(head.get("facts"), dict):
        texts = [head.get("sweep_id"), head.get("profile"), *head["facts"].values()]
    if not texts or not all(isinstance(text, str) for text in texts) or type(head.get(FORMAT_KEY, 0)) is not int:
        return [f"{origin}:{RESOLVED}: must be as `pgan-ray sweep` wrote it, got {show(head)}"]
    fault = description_fault(head.get(COMPONENTS, {}))
    if fault is not None:
        return [f"{origin}:{RESOLVED}.{COMPONENTS}{fault}: must be as `pgan-ray sweep` wrote it"]
    rules = {"sweep_id": SWEEP_ID, "profile": PROFILE}
    return [
        f"{origin}:{RESOLVED}.{key}: must match {rule}, got {show(head[key])}"
        for key, rule in rules.items()
        if not re.fullmatch(rule, head[key])
    ]


def _expand(origin: str, tree: dict[str, Any], profile: str, *, by_name: bool = True) -> Sweep:
    """The sweep that a ``tree`` without `tree_faults` describes; it may still hold values that do not go together.

    ``by_name``: as for `grid.axes`.
    """
    chooser, axes = Chooser(tree), grid.axes(tree, by_name=by_name)
    names = [axis.path for axis in axes if axis.path[-1] == "name"]
    trial_axes = [axis for axis in axes if not axis.in_evaluation]
    setting_axes = [axis for axis in trial_axes if axis.path[0] != "attack" and axis.path != SURROGATE]
    variant_axes = [axis for axis in axes if axis.in_evaluation]
    configurations: dict[str, Configuration] = {}
    faulty: dict[str, list[str]] = {}  # fault -> the combinations that have it
    of_names: dict[tuple[Any, ...], Settings] = {}
    for values in grid.combinations(trial_axes):
        chosen = {axis.path: value for axis, value in zip(trial_axes, values, strict=True)}
        settings: Settings | None = None
        variants: dict[str, Variant] = {}
        for others in grid.combinations(variant_axes):
            chosen |= {axis.path: value for axis, value in zip(variant_axes, others, strict=True)}
            one = chooser.choose(chosen)
            try:
                found = Settings.model_validate(one)
            except ValidationError as error:
                label = grid.choice_id([*trial_axes, *variant_axes], (*values, *others))
                for place, rule in faults_of(error, one):
                    faulty.setdefault(f"{origin}:{where(place)}: {rule}", []).append(label)
                continue
            settings = settings or found
            of_names.setdefault(tuple(chosen[path] for path in names), found)
            variant = _read_id(found, variant_axes, others)
            variants.setdefault(variant, Variant(variant, found.evaluation))
        if settings is not None:
            name = _read_id(settings, trial_axes, values) or "base"
            setting = _read_id(settings, setting_axes, [chosen[axis.path] for axis in setting_axes])
            configurations.setdefault(name, Configuration(name, settings, tuple(variants.values()), setting))
    if faulty:
        raise _spec_error(origin, [f"{line} (with {_some(labels)})" for line, labels in faulty.items()])

    if next(iter(configurations.values())).settings.controls:
        configurations = with_controls(configurations)
    every = tuple(configurations.values())
    base = every[0].settings
    whole = chooser.of_all([settings.model_dump(mode="json") for settings in of_names.values()])
    document = grid.replace(whole, {axis.path: {"grid": list(axis.values)} for axis in axes})
    return Sweep(base.name, base.description, profile, base.resources, every, _in_order(document, tree))


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


def _some(labels: Sequence[str]) -> str:
    return labels[0] if len(labels) == 1 else f"{labels[0]} and {len(labels) - 1:,} more"


def _spec_error(origin: str, lines: Sequence[str]) -> SpecError:
    """Each fault once, and nothing in it that a terminal would obey: the file may be a stranger's."""
    lines = list(dict.fromkeys(printable_line(line) for line in lines))
    more = len(lines) - MAX_FAULTS
    return SpecError([*lines[:MAX_FAULTS], *([f"{origin}: and {more:,} more faults"] if more > 0 else [])])
