"""Reading YAML that a stranger may have written: bounded, safe, and with no key twice; and writing it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from re import compile as pattern
from typing import Any

import yaml

from pgan_ray.errors import SpecError

MAPPING = "sweep"  # what a sweep that is no file is called in messages
MAX_BYTES = 1 << 18  # a grid of 10,000 values takes a third of it; PyYAML needs about 2 s for all
MAX_DEPTH = 24  # the schema's deepest place has 9
MAX_NODES = 50_000  # small nested ones are the slowest: as many as fit into MAX_BYTES take 8 s
INT_BITS = 63
MAX_DIGITS = 80  # 63 binary ones, sign and all

# YAML 1.1 reads 1e-4 as text; people who write learning rates mean the number.
_FLOAT = ("tag:yaml.org,2002:float", pattern(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+0123456789."))

_LEADING_ZERO = pattern(r"[-+]?0[0-9_]+")
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
# Line ends beyond \n that YAML 1.1 knows: PyYAML writes them in a text as they are, and reads them as spaces.
_LINE_ENDS = ("\x85", "\u2028", "\u2029")


class _RuleError(yaml.MarkedYAMLError):
    """Valid YAML that a sweep file must not hold."""

    def __init__(self, rule: str, place: yaml.Event | yaml.Node) -> None:
        super().__init__(problem=rule, problem_mark=place.start_mark)  # type: ignore[arg-type]  # PyYAML has two kinds of mark


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, less what can grow without bound (aliases), hide a mistake (a key twice), or surprise."""

    _depth = 0
    _nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _RuleError("must not hold aliases (*name)", event)
        if getattr(event, "tag", None) is not None:
            raise _RuleError("must not hold tags (!name)", event)
        if self._depth == MAX_DEPTH:
            raise _RuleError(f"must be nested at most {MAX_DEPTH} deep", event)
        if self._nodes == MAX_NODES:
            raise _RuleError(f"must hold at most {MAX_NODES:,} keys and values", event)
        self._nodes += 1
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                raise _RuleError("keys must be text", key)
            if key.value in seen:
                raise _RuleError(f"must give each key once, got {key.value!r} again", key)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        text = super().construct_scalar(node)
        try:
            str(text).encode()  # escapes can name half a character, which nothing can print or store
        except UnicodeEncodeError:
            raise _RuleError("must not hold half a character (an escape such as \\ud83d alone)", node) from None
        if node.tag in _NUMBERS and ":" in node.value:  # YAML 1.1 reads 1:30 as 90, and a long one in seconds
            raise _RuleError(
                "must not hold numbers with colons, which YAML reads in base 60: quote it if it is text", node
            )
        return text

    def construct_whole_number(self, node: yaml.ScalarNode) -> int:
        text = self.construct_scalar(node)
        if _LEADING_ZERO.fullmatch(text):
            raise _RuleError(
                "must not hold whole numbers that begin with 0, which YAML reads in base 8: quote it if it is text",
                node,
            )
        value = self.construct_yaml_int(node) if len(text) <= MAX_DIGITS else None
        if value is None or abs(value) >= 1 << INT_BITS:
            raise _RuleError(f"whole numbers must be smaller than 2^{INT_BITS} in size", node)
        return int(value)


_Loader.add_implicit_resolver(*_FLOAT)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_whole_number)
# No field is a date: 2026-01-02 is text.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


class _Dumper(yaml.SafeDumper):
    """Writes what `_Loader` reads back: texts that it would take for numbers are quoted, nothing is an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        style = '"' if any(end in text for end in _LINE_ENDS) else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_implicit_resolver(*_FLOAT)
_Dumper.add_representer(str, _Dumper.represent_text)


def dump_yaml(tree: dict[str, Any]) -> str:
    """The text that `parse_mapping` reads ``tree`` back from."""
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


@dataclass(frozen=True)
class SweepText:
    """A sweep file that was read: it may be a pipe, which gives what it holds once. ``origin`` names it in errors."""

    text: str
    origin: str


def read_text(file: Path) -> SweepText:
    """What is in ``file``. Raises `SpecError` where it cannot be read."""
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)  # bounded: it may be a device
        text = content[:MAX_BYTES].decode()
    except FileNotFoundError:
        raise SpecError([f"{file}: must be a sweep file, got no such file"]) from None
    except (OSError, ValueError) as error:
        raise SpecError([f"{file}: must be a readable UTF-8 text file, got {error}"]) from None
    if len(content) > MAX_BYTES:
        raise SpecError([f"{file}: a sweep file must have at most {MAX_BYTES:,} bytes, got more"])
    return SweepText(text, str(file))


def read_content(source: Path | SweepText | Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """What a sweep file holds, or a mapping in its place under the same rules; and its name for messages."""
    if isinstance(source, Path):
        source = read_text(source)
    if isinstance(source, SweepText):
        return parse_mapping(source.text, source.origin), source.origin
    try:
        text = json.dumps(source, ensure_ascii=False, allow_nan=False)  # JSON is YAML
    except (TypeError, ValueError, RecursionError) as error:
        raise SpecError(
            [f"{MAPPING}: must hold only numbers, text, booleans, null, lists and mappings, got another ({error})"]
        ) from None
    if len(text) > MAX_BYTES:
        raise SpecError([f"{MAPPING}: must have at most {MAX_BYTES:,} bytes, got more"])
    return parse_mapping(text, MAPPING), MAPPING


def parse_mapping(text: str, origin: str) -> dict[str, Any]:
    """The mapping that ``text`` holds; ``origin`` names it in errors."""
    content = _parse(text, origin)
    if not isinstance(content, dict):
        got = {type(None): "nothing", list: "a list", str: "text"}.get(type(content), "a single value")
        raise SpecError([f"{origin}: must hold a mapping of keys to values, got {got}"])
    return content


def parse_override(override: str, option: str = "--set") -> tuple[tuple[str, ...], Any]:
    """``"a.b=value"`` as its path and its value, which is read as YAML. ``option``: names it in errors."""
    key, equals, text = override.partition("=")
    path = tuple(part.strip() for part in key.split("."))
    if not equals or not all(path):
        raise SpecError([f"{option} {override}: must be of the form a.b=value"])
    return path, _parse(text, f"{option} {override}")


def _parse(text: str, origin: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # a subclass of SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        rule = error.problem if isinstance(error, _RuleError) else f"must be valid YAML: {error.problem}"
        raise SpecError([f"{origin}{line}: {rule}"]) from None
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise SpecError([f"{origin}: must be valid YAML: {reason}"]) from None
