"""Components that are not ours, in a sweep's record: described when the sweep is run, and read without their code.

A directory may be a stranger's, or the class that its sweep names may be gone: to read results nothing of it is
imported. A stand-in has the class's keys, and what figures and tables ask of it; it cannot be run.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import ModuleType
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, ValidationError, create_model

from pgan_ray.registry import DEFENCES, DETECTORS, Registry, is_import_path
from pgan_ray.spec.base import Part
from pgan_ray.spec.components import REGISTRIES, ComponentConfig, is_key, opened
from pgan_ray.spec.sweep import Sweep
from pgan_ray.text import printable_line

_FLAGS = {"attack": "is_trained", "victim": "trains", "detector": "filters", "defence": "filters"}
_LABEL = 100


class _Unread(Part):
    """Keys that mean nothing beside the other ones of a section ``of``."""

    of: dict[str, Any]
    keys: list[str]


class Description(Part):
    """What is kept of a component.

    ``class_names``: of a data set's labels; ``base``: our component, or class of keys, that it builds on; ``keys``: its
    own, with their defaults; ``floats``: those of them that take any number; ``parameters``: those that configurations
    are compared by.
    """

    label: str = Field(max_length=_LABEL)
    class_names: dict[Annotated[str, Field(pattern=r"^-?\d{1,19}$")], str] = Field(default={})
    flag: bool | None = None
    base: str | None = None
    keys: dict[str, Any] = Field(default={})
    floats: list[str] = Field(default=[])
    parameters: list[str] = Field(default=[])
    unread: list[_Unread] = Field(default=[])


def foreign(sweep: Sweep) -> dict[str, dict[str, list[ComponentConfig]]]:
    """The sections of ``sweep`` whose components are not ours, by kind and name."""
    found: dict[str, dict[str, list[ComponentConfig]]] = {}
    for section in _sections(sweep):
        if not REGISTRIES[section.registry.kind].is_ours(section.name):
            found.setdefault(section.registry.kind, {}).setdefault(section.name, []).append(section)
    return found


def foreign_names(sweep: Sweep) -> list[str]:
    """Their names, each once."""
    return list(dict.fromkeys(name for names in foreign(sweep).values() for name in names))


def described(sweep: Sweep) -> dict[str, Any]:
    """What a record says of them; empty where all are ours."""
    return {
        kind: {name: _described(kind, sections) for name, sections in names.items()}
        for kind, names in foreign(sweep).items()
    }


def description_fault(given: Any) -> str | None:
    """The place in ``given``, of a record, that is not as `described` makes it."""
    if not isinstance(given, Mapping):
        return ""
    for kind, names in given.items():
        if kind not in REGISTRIES or not isinstance(names, Mapping):
            return f".{kind}"
        for name, one in names.items():
            try:
                Description.model_validate(one)
            except ValidationError:
                return f".{kind}"
            if not all(is_key(key) for key in one.get("keys", {})) or _base(REGISTRIES[kind], one.get("base")) is None:
                return f".{kind}.{name}"
    return None


def stand_ins(given: Mapping[str, Any]) -> Callable[[Registry, str], type[Any] | None]:
    """What makes stand-ins of names, by a record's descriptions."""

    def stand_in(registry: Registry, name: str) -> type[Any] | None:
        if registry is DEFENCES and name in given.get(DETECTORS.kind, {}):
            registry = DETECTORS  # which serves as a stage of a pipeline too
        one = given.get(registry.kind, {}).get(name)
        if one is None and not is_import_path(name) and not registry.is_installed(name):
            return None
        return _stand_in(registry.kind, name, json.dumps(one))

    return stand_in


def _sections(sweep: Sweep) -> Iterator[ComponentConfig]:
    for configuration in sweep.configurations:
        yield from configuration.settings.components
        for variant in configuration.variants:
            yield from variant.evaluation.components


def _described(kind: str, sections: list[ComponentConfig]) -> dict[str, Any]:
    config = type(sections[0])
    if issubclass(config, _StandIn):
        return json.loads(config.description) or {}
    base, fields = _base_of(config), {}
    inherited = _base(config.registry, base)
    assert inherited is not None
    for key, field in config.model_fields.items():
        if key != "name" and is_key(key) and repr(field) != repr(inherited.model_fields.get(key)):
            fields[key] = field
    unread = {_text(_without(one.model_dump(mode="json"), keys)): keys for one in sections if (keys := one.unread())}
    component = config.component
    class_names: Mapping[int, str] = getattr(component, "class_names", {})
    made = Description(
        label=printable_line(str(component.label))[:_LABEL],
        flag=bool(getattr(component, _FLAGS[kind])) if kind in _FLAGS else None,
        class_names={str(label): printable_line(text) for label, text in class_names.items()},
        base=base,
        keys={key: _default(field) for key, field in fields.items()},
        floats=[key for key, field in fields.items() if field.annotation in (float, float | None)],
        parameters=_parameters(sections[0]) if kind == "attack" else [],
        unread=[_Unread(of=json.loads(text), keys=sorted(keys)) for text, keys in unread.items()],
    )
    return made.model_dump(mode="json", exclude_defaults=True)


def _parameters(section: ComponentConfig) -> list[str]:
    try:
        found = dict(section.make().parameters())
    except Exception:  # its cells will tell
        return []
    return [key for key, value in found.items() if hasattr(section, key) and getattr(section, key) == value]


def _default(field: Any) -> Any:
    if field.is_required():
        return None
    try:
        return json.loads(json.dumps(_plain(field.get_default(call_default_factory=True)), allow_nan=False))
    except (TypeError, ValueError):
        return None


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, Part) else value


def _text(section: Mapping[str, Any]) -> str:
    return json.dumps(section, sort_keys=True)


def _base_of(config: type[ComponentConfig]) -> str:
    registry = config.registry
    module = _module(registry)
    for one in config.__mro__:
        component = vars(one).get("component")
        if component is not None and component.Config is one and registry.is_ours(component.name):
            return str(component.name)
        if vars(module).get(one.__name__) is one:
            return str(one.__name__)
    raise AssertionError("every component has the keys of its kind")


def _base(registry: Registry, name: str | None) -> type[ComponentConfig] | None:
    """The class of keys that `_base_of` names; only our own code is looked at."""
    if name is None:
        found: Any = registry.interface.Config
    elif registry.is_ours(name):
        found = registry.config(name)
    else:
        found = vars(_module(registry)).get(name)
    return found if isinstance(found, type) and issubclass(found, ComponentConfig) else None


def _module(registry: Registry) -> ModuleType:
    return sys.modules[registry.interface.__module__]


class _StandIn(ComponentConfig):
    """The section of a component that is not here."""

    description: ClassVar[str] = "null"

    def check_evaluation(self, *args: Any) -> None:
        """Nobody evaluates it any more."""

    def unread(self) -> frozenset[str]:
        """As it was when the sweep was run."""
        dumped = self.model_dump(mode="json")
        for one in (json.loads(self.description) or {}).get("unread", []):
            keys = frozenset(one["keys"])
            if one["of"] == _without(dumped, keys):
                return keys
        return frozenset()

    def __reduce__(self) -> Any:
        return _read, (self.registry.kind, self.name, self.description, self.model_dump())


@lru_cache(maxsize=256)
def _stand_in(kind: str, name: str, description: str) -> type[Any]:
    registry, given = REGISTRIES[kind], json.loads(description)
    interface = registry.interface
    label = name.rpartition(":")[2].replace("_", " ")
    one = Description.model_validate(given or {"label": label[:_LABEL]})
    base = _base(registry, one.base)
    assert base is not None  # `description_fault` has looked
    fields: dict[str, Any] = {
        key: (Annotated[Any, BeforeValidator(_as_float)] if key in one.floats else Any, default)
        for key, default in one.keys.items()
    }
    config = create_model("Config", __base__=opened(_StandIn, base), __module__=_StandIn.__module__, **fields)
    config.description = description  # type: ignore[attr-defined]

    def parameters(self: Any) -> dict[str, float]:
        values = {key: getattr(self.config, key, None) for key in one.parameters}
        return {key: value for key, value in values.items() if isinstance(value, int | float)}

    own: dict[str, Any] = {"name": name, "label": printable_line(one.label), "Config": config}
    if kind in _FLAGS and one.flag is not None:
        own[_FLAGS[kind]] = one.flag
    if kind == "attack":
        own["parameters"] = parameters
    if one.class_names:
        own["class_names"] = {int(label): printable_line(name) for label, name in one.class_names.items()}
    component: type[Any] = type("StandIn", (interface,), own)
    return component


def _without(section: Mapping[str, Any], keys: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in section.items() if key not in keys}


def _as_float(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _read(kind: str, name: str, description: str, fields: dict[str, Any]) -> ComponentConfig:
    config: ComponentConfig = _stand_in(kind, name, description).Config.model_validate(fields)
    return config
