"""Finding components by name: our own, those of installed packages (entry points), and classes by their import path.

A component of our own lives in the file that is named after it, so that a sweep which names one imports just that file.
Who only reads a sweep imports nobody else's: see `foreign_as`.
"""

import difflib
import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from pgan_ray.errors import PganRayError

_OWN_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_IMPORT_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
Class = TypeVar("Class", bound=type)


class ComponentError(PganRayError):
    """A name leads to no component. The message is the rule and what was given, without the place."""


StandIn = Callable[["Registry", str], type[Any] | None]
_STAND_IN: ContextVar[StandIn | None] = ContextVar("stand_in", default=None)


@contextmanager
def foreign_as(stand_in: StandIn) -> Iterator[None]:
    """Within: a component that is not ours is what ``stand_in`` makes of its name, and nothing of it is imported.

    A name of which it makes None is unknown.
    """
    token = _STAND_IN.set(stand_in)
    try:
        yield
    finally:
        _STAND_IN.reset(token)


def is_import_path(name: str) -> bool:
    """Whether ``name`` is written as one."""
    return bool(_IMPORT_PATH.fullmatch(name))


class Registry:
    """The components of one kind."""

    def __init__(
        self,
        kind: str,
        *,
        group: str,
        package: str,
        interface: str,
        adapter: str | None = None,
        includes: "Registry | None" = None,
    ) -> None:
        """``group``: of entry points; ``package``: where our own are. ``interface``: the import path of the base class.

        ``adapter``: the import path of a function (name, object) that makes a component of another object, or returns
        None. ``includes``: components of another kind that serve as this one too.
        """
        self.kind, self.group, self.includes = kind, group, includes
        self._package, self._interface, self._adapter = package, interface, adapter
        self._registered: dict[str, type[Any]] = {}
        self._found: dict[str, type[Any]] = {}

    def register(self, component: Class) -> Class:
        """Make the class known by its `name`; a decorator."""
        name = component.name  # type: ignore[attr-defined]
        other = self._registered.get(name)
        if other is not None and _path_of(other) != _path_of(component):
            raise ValueError(
                f"{_path_of(component)}: must have a name of its own, got {name!r}, the {self.kind} {_path_of(other)}"
            )
        self._registered[name] = component
        self._found.pop(name, None)
        return component

    @property
    def interface(self) -> type[Any]:
        """The base class of the components."""
        return _attribute(self._interface)  # type: ignore[no-any-return]

    def is_ours(self, name: str) -> bool:
        """Whether we ship the component of that ``name``."""
        module = f"{self._package}.{name.replace('-', '_')}"
        if name not in self._registered and _OWN_NAME.fullmatch(name) and find_spec(module):
            importlib.import_module(module)
        if name in self._registered and self._registered[name].__module__ == module:
            return True
        return self.includes is not None and self.includes.is_ours(name)

    def is_installed(self, name: str) -> bool:
        """Whether an installed package names a component so."""
        own = any(point.name == name for point in self._entry_points())
        return own or (self.includes is not None and self.includes.is_installed(name))

    def get(self, name: str) -> type[Any]:
        """The component of that ``name``. Raises `ComponentError`."""
        stand_in = _STAND_IN.get()
        if stand_in is not None and name not in self._registered and not self.is_ours(name):
            found = stand_in(self, name)
            if found is None:
                raise self._unknown(name)
            return found
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def config(self, name: str) -> type[Any]:
        """The schema of the component of that ``name``. Raises `ComponentError`."""
        return self.get(name).Config  # type: ignore[no-any-return]

    def adopted(self, found: Any) -> type[Any]:
        """The component that the class, or the factory, ``found`` stands for. Raises `ComponentError`."""
        return self._fitted(_path_of(found), found)

    def own_names(self) -> list[str]:
        """Those that we ship, and those that were registered in this process."""
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.ispkg:
                importlib.import_module(f"{self._package}.{module.name}")
        return sorted({*self._registered, *(self.includes.own_names() if self.includes else ())})

    def names(self) -> list[str]:
        """Every name: our own first, then those of installed packages."""
        installed = sorted(point.name for point in self._entry_points())
        others = self.includes.names() if self.includes else []
        return list(dict.fromkeys([*self.own_names(), *installed, *others]))

    def _find(self, name: str) -> type[Any]:
        is_ours = self.is_ours(name)
        if name in self._registered:
            return self._registered[name]
        if self.includes is not None and (is_ours or self.includes.is_installed(name)):
            return self.includes.get(name)
        points = {point.value: point for point in self._entry_points() if point.name == name}
        if len(points) > 1:
            raise ComponentError(
                f"must be a name that only one installed package uses, got {name!r} for "
                f"{' and '.join(sorted(points))}: write the import path instead"
            )
        for point in points.values():
            return self._fitted(name, self._imported(f"{name!r} ({point.value})", point.load))
        if ":" in name:
            return self._fitted(name, self._imported(repr(name), lambda: _import(name)))
        raise self._unknown(name)

    def _unknown(self, name: str) -> ComponentError:
        return ComponentError(f"must be {self._offer()}, got {name!r}{_nearest(name, self.names())}")

    def _entry_points(self) -> metadata.EntryPoints:
        return metadata.entry_points(group=self.group)

    def _imported(self, shown: str, load: Callable[[], Any]) -> Any:
        try:
            return load()
        except (Exception, SystemExit) as error:
            lines = str(error).strip().splitlines() or ["no message"]
            raise ComponentError(
                f"must be {_a(self.kind)} that can be imported, got {shown}: {type(error).__name__}: {lines[-1]}"
            ) from error

    def _fitted(self, name: str, found: Any) -> type[Any]:
        """``found`` as a component: it is one, or is adapted."""
        interface = self.interface
        if isinstance(found, type) and issubclass(found, interface):
            return found
        adapted: type[Any] | None = None
        if self._adapter:
            adapt = _attribute(self._adapter)
            try:
                adapted = adapt(name, found)
            except ComponentError:
                raise
            except (Exception, SystemExit) as error:  # the object's own code may be called to look at it
                reason = f"{type(error).__name__}: {error}"
                raise ComponentError(
                    f"must be {_a(self.kind)} whose arguments can be read, got {name!r}: {reason}"
                ) from error
        if adapted is None:
            base = f"{self._interface.rpartition('.')[0]}.{interface.__name__}"
            other = f", or {interface.accepts}" if self._adapter else ""
            raise ComponentError(f"must be a subclass of `{base}`{other}, got {name!r}, {_described(found)}")
        return adapted

    def _offer(self) -> str:
        names = ", ".join(f"`{name}`" for name in self.names())
        return f"one of {names}, or an import path `package.module:Class`"


def _import(path: str) -> Any:
    """What an import path leads to. The working directory is searched last."""
    if not is_import_path(path):
        raise ImportError("an import path is written `package.module:Class`")
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)
    return _attribute(path)


def _attribute(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def _path_of(component: type[Any]) -> str:
    return f"{component.__module__}:{component.__qualname__}"


def _described(found: Any) -> str:
    return f"the class {found.__qualname__}" if isinstance(found, type) else f"an object of {type(found).__qualname__}"


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _nearest(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"; did you mean `{near[0]}`?" if near else ""


ATTACKS = Registry(
    "attack",
    group="pgan_ray.attacks",
    package="pgan_ray.attacks",
    interface="pgan_ray.attacks.interface:Attack",
)
DETECTORS = Registry(
    "detector",
    group="pgan_ray.detectors",
    package="pgan_ray.defences",
    interface="pgan_ray.defences.interface:Detector",
)
DEFENCES = Registry(
    "defence",
    group="pgan_ray.defences",
    package="pgan_ray.defences",
    interface="pgan_ray.defences.defence:Defence",
    includes=DETECTORS,
)
DATASETS = Registry(
    "data set",
    group="pgan_ray.datasets",
    package="pgan_ray.datasets",
    interface="pgan_ray.datasets.interface:DatasetLoader",
)
VICTIMS = Registry(
    "victim",
    group="pgan_ray.victims",
    package="pgan_ray.victims",
    interface="pgan_ray.victims.interface:Victim",
    adapter="pgan_ray.victims.adapters:adapt",
)
