"""Whatever stands in a sweep file: it is loaded, or a `SpecError` says why not."""

import random
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from pgan_ray.errors import SpecError
from pgan_ray.spec import Sweep, SweepRecord, load_record, load_sweep, profile_names
from pgan_ray.spec.yaml_file import dump_yaml

from .helpers import changed

SECONDS = 1.0
VALUES: list[Any] = [None, True, -1, 0, 1, 3, 10**18, 0.5, -0.0, float("nan"), float("inf"), "", "x", "../x", "1e-4"]
VALUES += [
    [],
    [1],
    [[]],
    [0.1, "x"],
    {},
    {"grid": []},
    {"grid": [1, 2]},
    {"grid": 3},
    {"grid": {"grid": [1]}},
    {"a": 1},
]
PIECES = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "- ",
    "#",
    "&a",
    "*a",
    "!!int",
    "'",
    '"',
    "\n",
    "  ",
    "\t",
    "%",
    "|",
    "<<",
    "\0",
    "é",
]


def mutated(random_: random.Random) -> dict[str, Any]:
    """The small sweep file with some keys replaced, removed or added, at any depth."""
    tree = changed({"attack.alpha": {"grid": [0.1, 0.3]}, "profiles.quick": {"attack": {"replicates": 1}, "seed": 3}})
    for _ in range(random_.randint(1, 5)):
        node: Any = tree
        while True:
            key = random_.choice([*node, "new", "grid"])
            inner = node.get(key)
            if not isinstance(inner, dict) or random_.random() < 0.3:
                break
            node = inner
        if random_.random() < 0.2:
            node.pop(key, None)
        else:
            node[key] = deepcopy(random_.choice(VALUES))
    return tree


def broken_texts(random_: random.Random, text: str) -> Iterator[str]:
    at = random_.randrange(len(text))
    yield text[:at]
    yield text[:at] + random_.choice(PIECES) + text[at:]
    yield text[:at] + text[at + random_.randint(1, 20) :]
    yield "".join(random_.choices([*PIECES, "a", "1"], k=20))


def attempt(file: Path, profile: str, overrides: list[str]) -> Sweep | list[str]:
    """The sweep, or what is wrong with it."""
    try:
        profile_names(file)
        return load_sweep(file, profile=profile, overrides=overrides)
    except SpecError as error:
        return error.faults


def test_only_spec_errors_come_out(tmp_path: Path) -> None:
    random_ = random.Random(1)
    file = tmp_path / "s.yaml"
    loaded = refused = 0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end or not loaded or not refused:
        text = dump_yaml(mutated(random_))
        for content in (text, *broken_texts(random_, text)):
            file.write_text(content, encoding="utf-8")
            override = f"attack.{random_.choice(['alpha', 'new', 'generator.widths'])}={random_.choice(VALUES)}"
            overrides = [override] if random_.random() < 0.3 else []
            result = attempt(file, random_.choice(["body", "quick"]), overrides)
            if isinstance(result, Sweep):
                loaded += 1
                record = SweepRecord("id", result)
                assert load_record(record.to_yaml(), "sweep.yaml") == record
            else:
                refused += 1
                assert len(set(result)) == len(result) > 0
                assert all(fault.isprintable() for fault in result)
