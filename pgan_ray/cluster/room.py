"""How much memory one worker finds on a cluster."""

from pgan_ray.cluster.connection import Connection
from pgan_ray.cost import DEVICES
from pgan_ray.runner.limits import ANY_WORKER_BYTES, Room, room_here, room_of
from pgan_ray.spec import Sweep


def room_on(connection: Connection, sweep: Sweep) -> Room:
    """On the cluster as it is now; of GPUs whose kind is not known anything is expected."""
    if not connection.may_grow:
        return room_here(sweep)
    kinds = [DEVICES.get(kind) for kind in connection.gpu_kinds()]
    gpu_bytes = max((kind.memory_bytes if kind else ANY_WORKER_BYTES for kind in kinds), default=ANY_WORKER_BYTES)
    return room_of(sweep, connection.node_resources(), gpu_bytes, has_gpu=connection.has_gpu())
