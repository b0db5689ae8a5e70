"""The Python API: running a sweep and reading its results, from a script or a notebook.

Brings the rooms together: `runner` with an executor, `tracking`, `report`. The command line is made of the same calls.
"""

from pgan_ray.api.calls import new_sweep, open_sweep, resolve_sweep, run_sweep
from pgan_ray.api.extend import extend_grid, extend_search, pause_search
from pgan_ray.api.result import SweepResult
from pgan_ray.api.run import RunOptions, check_executor, joins_cluster, run_record

__all__ = [
    "RunOptions",
    "SweepResult",
    "check_executor",
    "extend_grid",
    "extend_search",
    "joins_cluster",
    "new_sweep",
    "open_sweep",
    "pause_search",
    "resolve_sweep",
    "run_record",
    "run_sweep",
]
