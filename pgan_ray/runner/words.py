"""How the driver tells of failures in few words."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import dropwhile

from pgan_ray.results import redact

_FRAME = re.compile(r'  File "')
# One, or several with blanks or commas between, as an array or a shape has them; addresses of objects too.
_NUMBER = r"[-+]?(?:0x[0-9a-f]+|(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|\bnan\b|\binf\b)"
_NUMBERS = re.compile(rf"{_NUMBER}(?:[\s,]+{_NUMBER})*", re.IGNORECASE)


@dataclass
class _Way:
    """How victims fail: the first cell and what it said; how many cells there are, and whether others' differ."""

    cell: str
    message: str
    cells: int = 0
    differs: bool = False


class VictimFailures:
    """Victims without a score: they fail in the same way again and again, and each way is told of once.

    Messages that differ in their numbers alone tell of the same way.
    """

    def __init__(self) -> None:
        self._ways: dict[str, _Way] = {}  # by message, without its numbers

    def add(self, failed: Mapping[str, str]) -> Iterator[str]:
        """A line for each way of ``failed``, messages by cell id, that is new."""
        new = []
        for cell, message in failed.items():
            key = _without_numbers(message)
            if key not in self._ways:
                self._ways[key] = _Way(cell, message)
                new.append(self._ways[key])
            way = self._ways[key]
            way.cells += 1
            way.differs |= message != way.message
        return (f"{_victims_have(way.cells)} no score: {gist(redact(way.message))}" for way in new)

    def told(self) -> Iterator[str]:
        """Of each way the first message as a whole, and how many cells it is of."""
        for way in self._ways.values():
            others = ", with other numbers" if way.differs else ""
            more = f" and {way.cells - 1:,} more{others}" if way.cells > 1 else ""
            yield f"{_victims_have(way.cells)} no score:\n{way.cell}{more}: {redact(way.message).rstrip()}"


def _without_numbers(message: str) -> str:
    """``message``, whose numbers may be of one victim alone; those of the component's name are not."""
    who, failed, why = message.partition("` failed:")
    return f"{who}{failed}{_NUMBERS.sub('#', why)}" if failed else _NUMBERS.sub("#", message)


def _victims_have(cells: int) -> str:
    return "1 victim has" if cells == 1 else f"{cells:,} victims have"


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
