"""The Python API: running a sweep and reading its results, from a script or a notebook.

It connects `runner`, an executor, `tracking` and `report`. The command line uses the same functions.
"""

from pgan_ray.api.calls import (
    extend_sweep,
    new_sweep,
    open_sweep,
    record_to_resume,
    resolve_sweep,
    resume_sweep,
    run_sweep,
)
from pgan_ray.api.extend import extend_grid, extend_search, pause_search
from pgan_ray.api.result import SweepResult
from pgan_ray.api.run import RunOptions, check_executor, joins_cluster, run_record

__all__ = [
    "RunOptions",
    "SweepResult",
    "check_executor",
    "extend_grid",
    "extend_search",
    "extend_sweep",
    "joins_cluster",
    "new_sweep",
    "open_sweep",
    "pause_search",
    "record_to_resume",
    "resolve_sweep",
    "resume_sweep",
    "run_record",
    "run_sweep",
]
