"""Which profile suits the machine or cluster, where nobody says."""

from collections.abc import Callable, Mapping
from typing import Any

from pgan_ray.api.run import RunOptions
from pgan_ray.runner.machine import gpu_fault, gpus_here, unusable_gpus
from pgan_ray.spec import BODY, PAPER, Sweep, SweepText, profile_names

QUICK = "quick"


def choose_profile(
    source: SweepText | Mapping[str, Any],
    load: Callable[[str], Sweep],
    options: RunOptions,
    notice: Callable[[str], None],
) -> str:
    """``paper`` where the file has one and there is a GPU; else ``quick`` where it has one, else what there is left.

    Tells which, and why, where there was a choice.
    """
    names = profile_names(source)
    full = PAPER if PAPER in names else BODY
    if QUICK not in names:
        return full
    if full == BODY:
        notice(f"profile {QUICK}, the default of this file (--profile {BODY} runs the file without a profile)")
        return QUICK
    for name in (PAPER, QUICK):
        load(name)  # either may be chosen: both must hold before a cluster is asked
    has_gpu, place = _has_gpu(options, notice)
    chosen = PAPER if has_gpu else QUICK
    notice(f"profile {chosen}: {place} has {'a' if has_gpu else 'no'} GPU (--profile chooses another)")
    return chosen


def _has_gpu(options: RunOptions, notice: Callable[[str], None]) -> tuple[bool, str]:
    if options.expect_gpus:
        return True, "the cluster"
    if options.executor == "ray":
        from pgan_ray.cluster import cluster_address

        if cluster_address(options.address):
            from pgan_ray.cluster import connect  # and with it Ray

            with connect(options.address, evaluator_cpu=1) as cluster:
                return cluster.has_gpu(), "the cluster"
    if unusable_gpus():
        notice(f"this machine has {unusable_gpus()} GPU(s) that PyTorch cannot use: {gpu_fault()}")
    return gpus_here() > 0, "this machine"
