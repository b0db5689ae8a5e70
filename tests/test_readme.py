"""The READMEs keep their promises: reference, links, commands and the map of rooms."""

import contextlib
import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from infra.docs.reference import BEGIN, END, update
from pgan_ray.cli.main import group
from pgan_ray.spec.yaml_file import parse_mapping

ROOT = Path(__file__).parent.parent
README, SWEEPS, HANDBOOK = ROOT / "README.md", ROOT / "sweeps" / "README.md", ROOT / "pgan_ray" / "README.md"
EACH = pytest.mark.parametrize("file", [README, SWEEPS, HANDBOOK], ids=["README", "sweeps", "handbook"])
ROOMS = sorted(path.parent.name for path in ROOT.glob("pgan_ray/*/__init__.py"))
PATH = ("spec", "data", "attacks", "evaluation", "tracking", "report")
"""The rooms in the order the data walks through them (DESIGN 3)."""


def text_of(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def blocks(text: str, *languages: str) -> Iterator[str]:
    """The fenced blocks of these languages."""
    for language, block in re.findall(r"^```([a-z]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if language in languages:
            yield block


def commands(text: str) -> Iterator[list[str]]:
    """The arguments of every `pgan-ray` in the fenced blocks."""
    for block in blocks(text, "", "sh", "bash", "shell", "console"):
        for line in block.replace("\\\n", " ").splitlines():
            match = re.match(r"\s*(?:\$ )?(?:[A-Z_]+=\S+ )*pgan-ray\s+(.*)", line)
            if match:
                words = shlex.split(match[1], comments=True)
                yield list(itertools.takewhile(lambda word: word not in ("|", "&&", ">", ";", "&"), words))


def slug(heading: str) -> str:
    """The anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def prose_of(file: Path) -> str:
    return re.sub(r"^```.*?^```$", "", text_of(file), flags=re.MULTILINE | re.DOTALL)


def test_that_of_the_sweeps_holds_the_reference_of_the_sweep_file() -> None:
    text = text_of(SWEEPS)
    assert text.count(BEGIN) == text.count(END) == 1
    assert text == update(text), "run: make docs"


@EACH
def test_its_relative_links_lead_somewhere(file: Path) -> None:
    prose = prose_of(file)
    targets = re.findall(r"\]\(([^)\s]+)\)", prose) + re.findall(r"(?:src|href)=\"([^\"]+)\"", prose)
    broken = []
    for target in targets:
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        other = (file.parent / name).resolve() if name else file
        if not other.exists():
            broken.append(target)
        elif anchor:
            headings = re.findall(r"^#+ (.*)$", prose_of(other), re.MULTILINE)
            broken += [] if anchor in map(slug, headings) else [target]
    assert broken == []


@EACH
def test_the_files_that_it_names_are_there(file: Path) -> None:
    named = set(re.findall(r"\b(?:sweeps|infra|docs)/[\w./-]+\.\w+", text_of(file)))
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@EACH
def test_its_commands_are_known(file: Path) -> None:
    found = list(commands(text_of(file)))
    assert found
    for arguments in found:
        check(arguments)


def check(arguments: list[str]) -> None:
    """Parse, without running anything."""
    with contextlib.suppress(click.exceptions.Exit):  # --help and --version
        name, *rest = arguments
        context = group.make_context("pgan-ray", [name], resilient_parsing=not name.startswith("-"))
        command = group.get_command(context, name)
        if command is None:
            raise click.UsageError(f"No such command {name!r}")
        command.make_context(name, rest, parent=click.Context(group))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sweeep", "a.yaml"], "No such command"),
        (["sweep", "a.yaml", "--fast"], "No such option"),
        (["sweep"], "Missing parameter: file"),
    ],
)
def test_an_unknown_command_would_be_found(arguments: list[str], message: str) -> None:
    with pytest.raises(click.UsageError, match=message):
        check(arguments)


@EACH
def test_its_make_targets_are_there(file: Path) -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    used = set(re.findall(r"`make ([a-z][\w-]*)`|^\s*(?:\$ )?make ([a-z][\w-]*)", text_of(file), re.MULTILINE))
    assert {first or second for first, second in used} - targets == set()


@EACH
def test_its_yaml_is_valid(file: Path) -> None:
    for block in blocks(text_of(file), "yaml"):
        parse_mapping(block, file.name)


def test_the_map_shows_every_room_in_path_order() -> None:
    (rooms,) = re.findall(r"^\| room \|.*\n(?:\|.*\n)+", text_of(HANDBOOK), re.MULTILINE)
    places = {room: re.search(rf"`(?:pgan_ray/)?{room}/?`|pgan_ray/{room}\b", rooms) for room in ROOMS}
    assert [room for room, place in places.items() if place is None] == []
    starts = [place.start() for room in PATH if (place := places.get(room))]
    assert starts == sorted(starts)


def test_the_first_page_is_one() -> None:
    lines = text_of(README).splitlines()
    assert len(lines) <= 100
