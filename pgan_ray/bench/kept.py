"""The last measurement of this machine's pace, kept in the user's cache for the sweeps to come."""

import contextlib
import hashlib
import json
import os
import platform
import secrets
from collections.abc import Sequence
from pathlib import Path

import platformdirs
import torch

from pgan_ray import __version__
from pgan_ray.bench.pace import MeasuredPace, chosen_shapes
from pgan_ray.bench.shapes import BatchShape, TrialShape


def keep_pace(pace: MeasuredPace) -> None:
    """Keep a measurement for the sweeps to come; where that cannot be, they measure again."""
    found = {"machine": _machine(), "start_s": pace.start_s, "gemm_rate": pace.gemm_rate, "processes": pace.processes}
    found["share"] = pace.share
    found["seconds"] = {_digest(key): times for key, times in pace.seconds.items()}
    with contextlib.suppress(OSError):
        file = _pace_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_suffix(f".{secrets.token_hex(4)}")
        beside.write_text(json.dumps(found))
        beside.replace(file)


def kept_pace(shapes: Sequence[TrialShape | BatchShape], *, processes: int) -> MeasuredPace | None:
    """A pace that was kept, of this machine as it is and of so many ``processes`` at once.

    None if it lacks any of the `chosen_shapes` of a sweep's ``shapes``; the others go by these. The threads of a
    process are part of its shape.
    """
    try:
        found = json.loads(_pace_file().read_text())
        if (found["machine"], found["processes"]) != (_machine(), processes):
            return None
        chosen = chosen_shapes(shapes)
        seconds = {shape.key: found["seconds"][_digest(shape.key)] for shape in chosen}
        times = {key: (float(loop), float(cell)) for key, (loop, cell) in seconds.items()}
        rate, start_s, share = (float(found[name]) for name in ("gemm_rate", "start_s", "share"))
        return MeasuredPace(times, tuple(chosen), rate, start_s, processes, share)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # none kept, another version's, or of other shapes


def _pace_file() -> Path:
    return platformdirs.user_cache_path("pgan-ray") / "pace.json"


def _machine() -> str:
    return f"{platform.node()} {platform.machine()} {os.cpu_count()} cores, torch {torch.__version__}, {__version__}"


def _digest(key: object) -> str:
    return hashlib.sha256(repr(key).encode()).hexdigest()[:20]
