"""What is kept in a sweep's directory while it is not finished: checkpoints, and Ray Tune's own state."""

import json
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pgan_ray.errors import SpecError
from pgan_ray.results.identity import check_own
from pgan_ray.results.store import Store
from pgan_ray.spec import SweepRecord

CHECKPOINTS = "tune"
STATE_FILE, PROGRESS_FILE = "state.safetensors", "progress.json"
# By Ray 2.60, by the local executor, and by trials at rungs. What else is in the folder somebody put there.
_TUNES = re.compile(
    r"tune/(\.validate_storage_marker|tuner\.pkl|trainable\.pkl|[a-z_-]+state-[\d_-]+\.(json|pkl)"
    r"|(local_[^/]+|rung_[^/]+/[^/]+)/checkpoint_\d{6}/(state\.safetensors|progress\.json)"
    r"|[^/]+_[0-9a-f]{8}/(params\.(json|pkl)|result\.json|progress\.csv|error\.(txt|pkl)|events\.out\.tfevents\.[^/]+"
    r"|checkpoint_\d{6}/(state\.safetensors|progress\.json|\.metadata\.json|\.validate_storage_marker)))"
)


def find_checkpoints(store: Store, record: SweepRecord) -> dict[str, list[str]]:
    """The checkpoints that the interrupted sweep left: trial id -> folders, the newest first.

    Those that were cut short are left out. Raises `SpecError` where one is another sweep's.
    """
    found: dict[str, list[tuple[int, str]]] = {}
    for name in store.names(CHECKPOINTS, PROGRESS_FILE):
        try:
            progress = read_progress(store.read(name))
        except (OSError, ValueError):
            continue
        check_own(progress, record, store.place(name))
        found.setdefault(progress["trial"], []).append((progress["reports"], name.rpartition("/")[0]))
    return {trial: [folder for _, folder in sorted(folders, reverse=True)] for trial, folders in found.items()}


def other_device(progress: Mapping[str, Any], trial: str, kind: str) -> str:
    """What keeps a trial whose checkpoint is at ``progress`` from going on on a ``kind`` of device; empty if nothing.

    The random state of one kind is not the other's: on it the training could not go on with the same bits. Earlier
    versions do not say the kind.
    """
    needed = progress.get("device", kind)
    if needed == kind:
        return ""
    names = {"cuda": "a GPU", "cpu": "a CPU"}
    return (
        f"trial {trial}: must continue on the kind of device that its checkpoint was made on, "
        f"{names.get(needed, needed)}, got {names.get(kind, kind)}: resume there, or delete the folder {CHECKPOINTS} "
        "of the sweep's directory to train what is unfinished from the start"
    )


def check_device(store: Store, checkpoints: Mapping[str, list[str]], kind: str) -> None:
    """See that the trials of ``checkpoints``, as `find_checkpoints` found them, can go on on a ``kind`` of device.

    Raises `SpecError`.
    """
    faults = []
    for trial, folders in checkpoints.items():
        try:
            progress = read_progress(store.read(f"{folders[0]}/{PROGRESS_FILE}"))
        except (OSError, ValueError):
            continue
        faults.append(other_device(progress, trial, kind))
    if found := [fault for fault in faults if fault]:
        raise SpecError(found)


def read_progress(content: bytes) -> dict[str, Any]:
    """How far a checkpoint is. Raises `ValueError` where that is not said as it must be."""
    try:
        progress = json.loads(content)
        whole = isinstance(progress["trial"], str) and type(progress["reports"]) is int and progress["reports"] >= 0
        rows = [row["replicate"] + row["iteration"] + row["timestamp_ms"] for row in progress["curve"]]
        whole &= math.isfinite(progress["seconds"]) and all(type(row) is int for row in rows)
        whole &= all(isinstance(row["metrics"], dict) for row in progress["curve"])
    except (KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"must be a checkpoint's progress, got {type(error).__name__}: {error}") from None
    if not whole:
        raise ValueError("must be a checkpoint's progress")
    return progress  # type: ignore[no-any-return]


def rung_folder(configuration: str) -> str:
    """Where the checkpoints of a search's trial at its rungs are."""
    return f"{CHECKPOINTS}/rung_{configuration}"


def write_checkpoint(store: Store, place: str, folder: Path) -> None:
    """Put a checkpoint that is in ``folder`` on this machine at ``place`` in ``store``."""
    for name in (STATE_FILE, PROGRESS_FILE):  # in this order: the second makes it whole
        store.write(f"{place}/{name}", (folder / name).read_bytes())


def remove_checkpoint(store: Store, place: str) -> None:
    """Delete the checkpoint at ``place``."""
    for name in (PROGRESS_FILE, STATE_FILE):
        store.delete(f"{place}/{name}")


def remove_checkpoints(store: Store, folder: str = CHECKPOINTS) -> None:
    """Delete what the executor wrote, which a finished sweep has no use for; what else is in its ``folder`` stays."""
    for name in store.names(folder, hidden=True):
        if _TUNES.fullmatch(name):
            with suppress(FileNotFoundError):
                store.delete(name)
    store.prune(folder)
