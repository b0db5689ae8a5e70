"""Both stages on Ray: Tune trials train generators, evaluator actors train victims. The only room that imports ray.

Implements `pgan_ray.runner`'s executor.
"""

from pgan_ray.cluster.connection import Connection, check_cluster, cluster_address, connect
from pgan_ray.cluster.executor import RayExecutor

__all__ = ["Connection", "RayExecutor", "check_cluster", "cluster_address", "connect"]
