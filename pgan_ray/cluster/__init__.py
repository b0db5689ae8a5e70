"""Both stages on Ray: Tune trials train generators, evaluator actors train victims. The only room that imports ray.

Implements `pgan_ray.runner`'s executor. Ray, whose import takes a second, is loaded with what needs it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pgan_ray.cluster.preflight import check_cluster, cluster_address

if TYPE_CHECKING:
    from pgan_ray.cluster.connection import Connection, connect
    from pgan_ray.cluster.executor import RayExecutor

__all__ = ["Connection", "RayExecutor", "check_cluster", "cluster_address", "connect"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'pgan_ray.cluster' has no attribute {name!r}")
    return getattr(import_module(f"pgan_ray.cluster.{'executor' if name == 'RayExecutor' else 'connection'}"), name)
