"""The files of infra/, read as their tools read them."""

import re
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
FILES = sorted(path for path in INFRA.rglob("*") if path.is_file() and path.name != ".env" and path.suffix != ".pyc")
YAML = [path for path in FILES if path.suffix == ".yaml"]
LAUNCHERS = sorted(INFRA.glob("launcher/*.yaml"))
COMPOSE = INFRA / "compose/compose.yaml"


def name(path: Path) -> str:
    return path.relative_to(INFRA).as_posix()


@cache
def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def parsed(path: Path) -> tuple[Any, ...]:
    return tuple(yaml.safe_load_all(text(path)))


def documents(path: Path) -> list[Any]:
    return deepcopy(list(parsed(path)))


def document(path: Path) -> Any:
    (one,) = documents(path)
    return one


def manifests() -> list[dict[str, Any]]:
    """Everything that `kubectl` is given, less what only Kustomize reads."""
    files = [path for path in YAML if path not in (*LAUNCHERS, COMPOSE) and path.name != "kustomization.yaml"]
    return [manifest for path in files for manifest in documents(path)]


def nodes(tree: Any) -> list[dict[str, Any]]:
    """Every mapping in ``tree``."""
    if isinstance(tree, dict):
        return [tree, *(node for value in tree.values() for node in nodes(value))]
    return [node for value in tree for node in nodes(value)] if isinstance(tree, list) else []


def pods(tree: Any) -> list[dict[str, Any]]:
    """Every pod's spec in ``tree``."""
    return [node for node in nodes(tree) if "containers" in node]


def requirements() -> list[Requirement]:
    """What pyproject.toml asks for, without the extras."""
    (block,) = re.findall(r"^dependencies = \[\n(.*?)^\]", text(ROOT / "pyproject.toml"), re.MULTILINE | re.DOTALL)
    return [Requirement(found) for found in re.findall(r'^ +"([^"]+)"', block, re.MULTILINE)]


def constraints() -> dict[str, str]:
    """The versions in the images."""
    lines = [line for line in text(INFRA / "constraints.txt").splitlines() if not line.startswith("#")]
    return dict(line.split("==") for line in lines)


def project(key: str) -> str:
    (value,) = re.findall(rf'^{key} = "(.*)"$', text(ROOT / "pyproject.toml"), re.MULTILINE)
    return str(value)
