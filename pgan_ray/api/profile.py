"""Which profile suits the machine or cluster, where nobody says."""

from collections.abc import Callable, Mapping
from typing import Any

from pgan_ray.api.run import RunOptions
from pgan_ray.runner.machine import gpus_here
from pgan_ray.spec import Sweep, SweepText, profile_names


def choose_profile(
    source: SweepText | Mapping[str, Any],
    load: Callable[[str], Sweep],
    options: RunOptions,
    notice: Callable[[str], None],
) -> str:
    """``paper`` where there is a GPU, or no ``quick``; else ``quick``. Tells which, and why."""
    if "quick" not in profile_names(source):
        return "paper"
    for name in ("paper", "quick"):
        load(name)  # either may be chosen: both must hold before a cluster is asked
    has_gpu, place = _has_gpu(options)
    chosen = "paper" if has_gpu else "quick"
    notice(f"profile {chosen}: {place} has {'a' if has_gpu else 'no'} GPU (--profile chooses another)")
    return chosen


def _has_gpu(options: RunOptions) -> tuple[bool, str]:
    if options.expect_gpus:
        return True, "the cluster"
    if options.executor == "ray":
        from pgan_ray.cluster import cluster_address, connect

        if cluster_address(options.address):
            with connect(options.address, evaluator_cpu=1) as cluster:
                return cluster.has_gpu(), "the cluster"
    return gpus_here() > 0, "this machine"
