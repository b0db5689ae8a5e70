"""How the driver tells of failures in few words."""

import re
from collections.abc import Iterator, Mapping
from itertools import dropwhile

from pgan_ray.results import redact

_FRAME = re.compile(r'  File "')


class ComponentFailures:
    """Victims that a component failed: it does so in the same way again and again, and each way is told of once."""

    def __init__(self) -> None:
        self._cells: dict[str, list[str]] = {}  # message -> the ids of its cells

    def add(self, failed: Mapping[str, str]) -> Iterator[str]:
        """A line for each message of ``failed``, by cell id, that is new."""
        new = dict.fromkeys(message for message in failed.values() if message not in self._cells)
        for cell, message in failed.items():
            self._cells.setdefault(message, []).append(cell)
        return (f"{_victims_have(self._cells[message])} no score: {gist(redact(message))}" for message in new)

    def told(self) -> Iterator[str]:
        """Each message as a whole, and which cells it is of."""
        for message, cells in self._cells.items():
            of = cells[0] if len(cells) == 1 else f"{cells[0]} and {len(cells) - 1:,} more"
            yield f"{_victims_have(cells)} no score:\n{of}: {redact(message).rstrip()}"


def _victims_have(cells: list[str]) -> str:
    return "1 victim has" if len(cells) == 1 else f"{len(cells):,} victims have"


def so_many_cells(number: int) -> str:
    """``1 cell`` or ``2 cells``."""
    return "1 cell" if number == 1 else f"{number} cells"


def gist(message: str) -> str:
    """Who failed, which the first line of a component's failure says, and of what, as `last_line` has it."""
    who = message.partition("\n")[0]
    last = last_line(message)
    return f"{who} {last}" if who.endswith("failed:") else last


def last_line(message: str) -> str:
    """What a traceback says in the end: of an error of several lines the first, which names it; else the last line."""
    lines = [line for line in redact(message).strip().splitlines() if line.strip()]
    frames = [index for index, line in enumerate(lines) if _FRAME.match(line)]
    if not frames:
        return lines[-1] if lines else "no message"
    # Behind the last frame come its code and marks below that, all of them indented.
    said = [*dropwhile(lambda line: line[0].isspace(), lines[frames[-1] + 1 :])] or lines[-1:]
    first, *more = said
    first = first.rstrip()
    return f"{first} {more[0].strip()}" if first.endswith(":") and more else first
