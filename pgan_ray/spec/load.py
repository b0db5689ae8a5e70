"""From a YAML file to a resolved sweep; every fault is gathered before any is raised."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path as FilePath
from typing import Any

from pgan_ray.errors import SpecError
from pgan_ray.registry import foreign_as
from pgan_ray.spec.check import size, tree_faults
from pgan_ray.spec.controls import with_controls
from pgan_ray.spec.dataset import of_today
from pgan_ray.spec.expand import expand, spec_error
from pgan_ray.spec.faults import show, where
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
    EARLIER,
    FORMAT,
    FORMAT_KEY,
    MAX_RECORD_BYTES,
    RESOLVED,
    SweepRecord,
    digest,
)
from pgan_ray.spec.searched import KnownTrials, is_search, plan_search, with_known
from pgan_ray.spec.space import at_first
from pgan_ray.spec.sweep import Sweep
from pgan_ray.spec.yaml_file import SweepText, parse_mapping, read_content
from pgan_ray.text import typed

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
    body, profiles, lines = split_profiles(content, origin)
    body = of_today(body)
    lines += head_faults
    named = head["profile"] if head is not None and not head_faults else BODY
    if profile not in (BODY, named, *profiles):
        names = ", ".join(offered(profiles))
        lines.append(f"{origin}:profiles: the profile must be one of {names}, got {show(profile)}")
    choices, faulty = parse_overrides(overrides)
    lines += layer_faults(body, profiles, profile, choices, origin) + faulty
    if lines:
        raise spec_error(origin, lines)
    tree = with_overrides(merge(body, profiles.get(profile, {})), choices)
    return _sweep(origin, tree, named if profile == BODY else profile, really_large=really_large)


def load_record(
    text: str,
    origin: str,
    *,
    imports: bool = False,
    known_trials: Callable[[SweepRecord], KnownTrials] | None = None,
) -> SweepRecord:
    """The sweep that the ``text`` of a ``sweep.yaml`` holds; ``origin`` names it in errors.

    ``imports``: it is going to be run, so components that are not ours are imported. Else nobody's code runs, and they
    are what the record says of them. ``known_trials``: of a search, how far its record is; else no trial is known.
    Raises `SpecError`.
    """
    if len(text.encode(errors="replace")) > MAX_RECORD_BYTES:
        raise SpecError([f"{origin}: must have at most {MAX_RECORD_BYTES:,} bytes, got more"])
    body = parse_mapping(text, origin)
    head = body.pop(RESOLVED, None)
    lines = _head_faults(origin, head)
    if lines:
        raise spec_error(origin, lines)
    with nullcontext() if imports else foreign_as(stand_ins(head.get(COMPONENTS, {}))):
        return _record(body, head, origin, known_trials)


def _record(
    body: dict[str, Any], head: dict[str, Any], origin: str, known_trials: Callable[[SweepRecord], KnownTrials] | None
) -> SweepRecord:
    written = body
    is_edited = head.get("digest", digest(body)) != digest(body)
    body = of_today(body)
    lines = [f"{origin}:{where(place)}: {rule}" for place, rule in tree_faults(body)]
    if lines:
        raise spec_error(origin, lines)
    one = at_first(body)
    check_size(origin, one, size(one), really_large=True)  # who began it was asked
    if is_edited:
        raise SpecError(
            [
                f"{origin}: must be as `pgan-ray sweep` wrote it, got an edited file, whose results would not go with "
                "those that are already there: undo the edit, or run the file as a new sweep with "
                f"`pgan-ray sweep {typed(origin)} --out DIR`"
            ]
        )
    found = _sweep(origin, body, head["profile"], really_large=True)
    record = SweepRecord(head["sweep_id"], found, head["facts"], written, tuple(head.get(EARLIER, ())))
    if found.search is None or known_trials is None:
        return record
    return record.knowing(with_known(found, known_trials(record)))


def profile_names(source: Source) -> list[str]:
    """The profiles that a sweep file offers; its body is one where it has no ``paper``."""
    _, profiles, _ = split_profiles(*read_content(source))
    return offered(profiles)


def _head_faults(origin: str, head: Any) -> list[str]:
    texts: list[Any] = []
    if isinstance(head, dict) and isinstance(head.get("facts"), dict):
        earlier = head.get(EARLIER, [])
        texts = [head.get("sweep_id"), head.get("profile"), *head["facts"].values()]
        texts += earlier if isinstance(earlier, list) else [None]
    if not texts or not all(isinstance(text, str) for text in texts):
        return [f"{origin}:{RESOLVED}: must be as `pgan-ray sweep` wrote it, got {show(head)}"]
    if head.get(FORMAT_KEY) != FORMAT:
        rule = f"must be {FORMAT}, which this version of pgan-ray reads, got"
        return [f"{origin}:{RESOLVED}.{FORMAT_KEY}: {rule} {show(head.get(FORMAT_KEY))}"]
    fault = description_fault(head.get(COMPONENTS, {}))
    if fault is not None:
        return [f"{origin}:{RESOLVED}.{COMPONENTS}{fault}: must be as `pgan-ray sweep` wrote it"]
    rules = {"sweep_id": SWEEP_ID, "profile": PROFILE}
    return [
        f"{origin}:{RESOLVED}.{key}: must match {rule}, got {show(head[key])}"
        for key, rule in rules.items()
        if not re.fullmatch(rule, head[key])
    ]


def _sweep(origin: str, tree: dict[str, Any], profile: str, *, really_large: bool = False) -> Sweep:
    """The sweep that a ``tree`` without `tree_faults` describes."""
    one = at_first(tree)
    check_size(origin, one, size(one), really_large=really_large)  # before any of it is made
    if is_search(tree):
        found = plan_search(origin, tree, profile, really_large=really_large)
        own = len(found.configurations), found.cells
        variants = sum(len(configuration.variants) for configuration in found.configurations)
        check_size(origin, one, own, really_large=really_large, variants=variants)
        return found
    expanded = expand(origin, tree)
    configurations = expanded.configurations
    base = next(iter(configurations.values())).settings
    if base.controls:
        configurations = with_controls(configurations)
    every = tuple(configurations.values())
    return Sweep(base.name, base.description, profile, base.resources, every, expanded.document)
