"""Both stages on Ray: Tune trials train generators, evaluator actors train victims. The only room that imports ray.

Reads a sweep and its data; hands results to the sweep's directory and events to `tracking` and to the terminal.
"""

from pgan_ray.cluster.connection import Connection, check_cluster, cluster_address, connect
from pgan_ray.cluster.driver import SweepRun
from pgan_ray.cluster.ending import Outcome
from pgan_ray.cluster.machine import gpus_here
from pgan_ray.cluster.progress import Progress, Quiet, State
from pgan_ray.cluster.worker import Engine

__all__ = [
    "Connection",
    "Engine",
    "Outcome",
    "Progress",
    "Quiet",
    "State",
    "SweepRun",
    "check_cluster",
    "cluster_address",
    "connect",
    "gpus_here",
]
