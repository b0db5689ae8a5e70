"""Sections whose keys depend on their `name`: a component's, or an optimiser's."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, get_args

from pydantic import BaseModel, GetCoreSchemaHandler, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, PydanticKnownError, core_schema

from pgan_ray.registry import ComponentError
from pgan_ray.spec.base import Part


class Options(Protocol):
    """What there is to choose from."""

    kind: str

    def own_names(self) -> list[str]:
        """Every name that needs no installed package."""

    def config(self, name: str) -> type[Part]:
        """The keys that go with ``name``. Raises `ComponentError`."""


@dataclass(frozen=True, eq=False)
class OneOf:
    """Marks a field that takes the keys of whichever option its `name` says.

    ``default``: what a section that is given in part keeps, of those keys that its option has.
    """

    options: Options
    default: Mapping[str, Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._validate)

    def _validate(self, given: Any) -> Part:
        if isinstance(given, Part):
            return given
        if not isinstance(given, Mapping):
            raise PydanticKnownError("model_type", {"class_name": self.options.kind})
        name = given.get("name", self.default.get("name"))
        if name is None and "name" not in given:
            raise _at_name(PydanticKnownError("missing"), given)
        if not isinstance(name, str):
            raise _at_name(PydanticKnownError("string_type"), name)
        try:
            config = self.options.config(name)
        except ComponentError as error:
            reason = str(error)
            raise _at_name(PydanticCustomError("component", "{reason}", {"reason": reason}), name) from error
        kept = {key: value for key, value in self.default.items() if key in config.model_fields}
        return config.model_validate({**kept, **given, "name": name})

    def names(self, section: Any) -> list[str]:
        """The names that a ``section`` of a sweep file may have, be they a grid's or those of a grid of sections."""
        if not isinstance(section, Mapping):
            return [self.default["name"]] if self.default else []
        if set(section) == {"grid"}:
            values = section["grid"] if isinstance(section["grid"], list) else []
            return list(dict.fromkeys(name for value in values for name in self.names(value)))
        given = section.get("name", self.default.get("name"))
        if isinstance(given, Mapping):
            given = given.get("grid")
        return [name for name in (given if isinstance(given, list) else [given]) if isinstance(name, str)]

    def configs(self, section: Any) -> list[type[Part]]:
        """The schemas that a ``section`` of a sweep file may have; unknown names have none."""
        return [config for name in self.names(section) if (config := self.find(name)) is not None]

    def find(self, name: str) -> type[Part] | None:
        """The schema of ``name``, if there is one."""
        try:
            return self.options.config(name)
        except ComponentError:
            return None


def one_of(field: FieldInfo) -> OneOf | None:
    """The mark of a ``field`` whose keys depend on a name."""
    return next((mark for mark in field.metadata if isinstance(mark, OneOf)), None)


def items_of(field: FieldInfo) -> OneOf | None:
    """The mark of each item of a ``field`` that is a list of such sections."""
    marks = (mark for item in get_args(field.annotation) for mark in get_args(item))
    return next((mark for mark in marks if isinstance(mark, OneOf)), None)


def parts_of(field: FieldInfo, section: Any) -> list[type[BaseModel]]:
    """The schemas that may hold for the ``section`` of a sweep file that ``field`` describes; none of a plain value."""
    mark = one_of(field)
    if mark is not None:
        return [*mark.configs(section)]
    options = (field.annotation, *get_args(field.annotation))
    return [option for option in options if isinstance(option, type) and issubclass(option, BaseModel)][:1]


Path = tuple[str, ...]


def named_sections(part: type[BaseModel], tree: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, OneOf]]:
    """Every section in ``tree`` whose keys depend on its name, outer ones first; not those inside of grids."""
    for key, field in part.model_fields.items():
        section = tree.get(key)
        if not isinstance(section, Mapping):
            continue
        mark = one_of(field)
        if mark is not None:
            yield (*above, key), mark
        seen = set()
        for inner in parts_of(field, section):
            for path, found in named_sections(inner, section, (*above, key)):
                if path not in seen:
                    seen.add(path)
                    yield path, found


def _at_name(error: PydanticCustomError | PydanticKnownError, name: Any) -> ValidationError:
    kind: Any = error if isinstance(error, PydanticCustomError) else error.type
    return ValidationError.from_exception_data("name", [InitErrorDetails(type=kind, loc=("name",), input=name)])
