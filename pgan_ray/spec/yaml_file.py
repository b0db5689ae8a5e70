"""Reading YAML that a stranger may have written: bounded, safe, and with no key twice."""

import re
from pathlib import Path
from typing import Any

import yaml

from pgan_ray.errors import SpecError

MAX_BYTES = 1 << 20


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, less aliases (they can grow without bound) and repeated keys (one would be lost)."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.constructor.ConstructorError(None, None, "aliases (*name) are not supported", mark)
        return super().compose_node(parent, index)  # type: ignore[no-any-return]

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                raise yaml.constructor.ConstructorError(None, None, "a key must be text", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key `{key.value}` must be given once", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


# YAML 1.1 reads 1e-4 as text; people who write learning rates mean the number.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+0123456789."),
)


def read_yaml(file: Path) -> dict[str, Any]:
    """The mapping in ``file``. Raises `SpecError` where it cannot be read or is not one."""
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise SpecError([f"{file}: a sweep file must have at most {MAX_BYTES:,} bytes, got {size:,}"])
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SpecError([f"{file}: must be a sweep file, got no such file"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError([f"{file}: must be a readable UTF-8 text file, got {error}"]) from None
    return parse_mapping(text, str(file))


def parse_mapping(text: str, origin: str) -> dict[str, Any]:
    """The mapping that ``text`` holds; ``origin`` names it in errors."""
    content = _parse(text, origin)
    if not isinstance(content, dict):
        raise SpecError([f"{origin}: must hold a mapping of keys to values, got {type(content).__name__}"])
    return content


def parse_override(override: str) -> tuple[tuple[str, ...], Any]:
    """``"a.b=value"`` as its path and its value, which is read as YAML."""
    key, equals, text = override.partition("=")
    path = tuple(key.strip().split("."))
    if not equals or not all(path):
        raise SpecError([f"--set {override}: must be of the form a.b=value"])
    return path, _parse(text, f"--set {override}")


def _parse(text: str, origin: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise SpecError([f"{origin}{line}: must be valid YAML: {error.problem}"]) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise SpecError([f"{origin}: must be valid YAML: {type(error).__name__}: {error}"]) from None
