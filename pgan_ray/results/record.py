"""The sweep that a directory holds, and whether a directory is free for a new one."""

import re

from pgan_ray.errors import SpecError
from pgan_ray.results import generators, probes, victims
from pgan_ray.results.checkpoints import CHECKPOINTS
from pgan_ray.results.directory import DATA_FILE
from pgan_ray.results.ending import SUMMARY
from pgan_ray.results.lease import FILE as DRIVER
from pgan_ray.results.lease import is_lease
from pgan_ray.results.redact import reason_of, redact
from pgan_ray.results.store import Store
from pgan_ray.results.trials import FOLDER as SEARCH
from pgan_ray.results.trials import PAUSE, known_trials
from pgan_ray.spec import MAX_RECORD_BYTES, SweepRecord, load_record
from pgan_ray.text import typed

SWEEP = "sweep.yaml"
FOLDERS = (victims.FOLDER, generators.FOLDER, probes.FOLDER, CHECKPOINTS, SEARCH)
OURS = (SWEEP, DRIVER, *FOLDERS, "report", SUMMARY, "timeline.json", "genuine.parquet", DATA_FILE, PAUSE)
# What a start that failed leaves, and what a new file system has in it.
_PASSING = re.compile(r"\.[\w.-]+\.[0-9a-f]{16}\.partial|\.(?:writable|shared)-[0-9a-f]{8}|lost\+found")
_SHOWN = 3


def read_sweep(store: Store, *, imports: bool = False) -> SweepRecord:
    """The record of the sweep in ``store``. Raises `SpecError` where there is none, or a link leads out of it.

    ``imports``: as for `load_record`.
    """
    where = redact(store.location)
    try:
        link = store.link_out(OURS)
        if link is not None:
            rule = "must not be a symbolic link out of the sweep's directory: put the file itself in its place"
            raise SpecError([f"{redact(link)}: {rule}"])
        text = store.read(SWEEP, MAX_RECORD_BYTES).decode()
    except (FileNotFoundError, NotADirectoryError):
        raise SpecError([f"{where}: must be the directory of a sweep, got no sweep.yaml in it"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError([f"{where}/{SWEEP}: must be a readable text file, got: {reason_of(error)}"]) from None
    return load_record(
        text, f"{where}/{SWEEP}", imports=imports, known_trials=lambda record: known_trials(store, record)
    )


def check_new(store: Store, *, claimed: bool = False) -> None:
    """See that a new sweep may go into ``store``: that nothing is there, or what a failed start left.

    ``claimed``: only that no other sweep is there; the claim's own start may have left more, as a database of MLflow's.
    Raises `SpecError`.
    """
    where = redact(store.location)
    try:
        there = store.entries()
    except OSError as error:
        raise SpecError([f"--out {where}: must be a place that can be read, got {reason_of(error)}"]) from None
    if SWEEP in there:
        rule = "must not hold a sweep yet; finish that one with"
        raise SpecError([f"--out {where}: {rule} `pgan-ray resume {typed(where)}`, or name another directory"])
    if claimed:
        return
    left = [name for name in there if name in FOLDERS]
    other = [name for name in there if not (is_lease(store) if name == DRIVER else _PASSING.fullmatch(name))]
    if left:
        raise SpecError(
            [
                f"--out {where}: must be empty, got {_some(left)} of a sweep whose sweep.yaml is gone: bring that file "
                "back, or name another directory"
            ]
        )
    if other:
        raise SpecError([f"--out {where}: must be empty, got {_some(other)}: name another directory"])


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(repr(name) for name in names[:_SHOWN]) + more
