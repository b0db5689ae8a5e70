"""``summary.json``, what came of a sweep: its tables come last, so that few bytes of a large file tell all the rest."""

import io
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from typing import Any

from pgan_ray.results import json_text
from pgan_ray.results.store import Store

SUMMARY = "summary.json"
TABLES = ("points", "changes")
STRONGEST = "strongest"  # that attack's changes; earlier versions, whose tables are amid the rest, do not say them
UNSAVED = {"saved": False}  # metadata of a dataclass's field that the file leaves out
FIRST_BYTES = 1 << 16
_TABLES_START = f',\n "{TABLES[0]}": ['.encode()


def encode_summary(summary: Mapping[str, Any]) -> bytes:
    """The file that says ``summary``, `TABLES` and `STRONGEST` among it; of a table each row is a line.

    Dataclasses may be in it. It is put together row by row: as one object it takes many times the text.
    """
    content = io.BytesIO()
    rest = {name: value for name, value in summary.items() if name not in TABLES}
    content.write(json.dumps(rest, indent=1, default=_fields).removesuffix("\n}").encode())
    for table in TABLES:
        content.write(f',\n "{table}": ['.encode())
        for number, row in enumerate(summary[table]):
            content.write((",\n  " if number else "\n  ").encode() + json.dumps(row, default=_fields).encode())
        content.write(b"\n ]")
    content.write(b"\n}")
    return content.getvalue()


def read_summary(store: Store) -> Any:
    """All that the file in ``store`` holds. Raises `OSError`, `ValueError`, `RecursionError`."""
    return json_text.parse(store.read(SUMMARY))


def read_head(store: Store) -> Any:
    """`read_summary`, but for the tables, where the file has them last."""
    size = FIRST_BYTES
    while len(text := store.start(SUMMARY, size)) == size and _TABLES_START not in text:
        size *= 4
    head, start, _ = text.partition(_TABLES_START)
    if start:
        with suppress(ValueError):  # it may be a stranger's
            found = json_text.parse(head + b"\n}")
            if STRONGEST in found:
                return found
    return read_summary(store)


def _fields(one: Any) -> dict[str, Any]:
    return {each.name: getattr(one, each.name) for each in fields(one) if each.metadata.get("saved", True)}
