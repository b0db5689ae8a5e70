"""How much memory one worker finds, here or on a cluster: so much a stack of one must fit into."""

from collections.abc import Mapping, Sequence

from pgan_ray.cluster.connection import Connection
from pgan_ray.cluster.machine import available_cores, gpu_bytes_here, gpus_here, memory_for_actors
from pgan_ray.cost import ANY_WORKER_BYTES, DEVICES, Room
from pgan_ray.spec import StageResources, Sweep


def room_here(sweep: Sweep) -> Room:
    """On this machine alone."""
    node = {"CPU": available_cores(), "GPU": gpus_here(), "memory": memory_for_actors()}
    return room_of(sweep, [node], gpu_bytes_here(), has_gpu=node["GPU"] > 0)


def room_on(connection: Connection, sweep: Sweep) -> Room:
    """On the cluster as it is now; of GPUs whose kind is not known anything is expected."""
    if not connection.may_grow:
        return room_here(sweep)
    kinds = [DEVICES.get(kind) for kind in connection.gpu_kinds()]
    gpu_bytes = max((kind.memory_bytes if kind else ANY_WORKER_BYTES for kind in kinds), default=ANY_WORKER_BYTES)
    return room_of(sweep, connection.node_resources(), gpu_bytes, has_gpu=connection.has_gpu())


def room_of(sweep: Sweep, nodes: Sequence[Mapping[str, float]], gpu_bytes: float, *, has_gpu: bool) -> Room:
    """On ``nodes``, on that which has most, beside as many actors as there will be; ``gpu_bytes``: of a whole GPU."""
    resources = sweep.resources
    return Room(
        _bytes(resources.trial, sweep.generators, nodes, gpu_bytes, has_gpu),
        _bytes(resources.evaluator, sweep.cells, nodes, gpu_bytes, has_gpu),
    )


def _bytes(
    stage: StageResources, actors: int, nodes: Sequence[Mapping[str, float]], gpu_bytes: float, has_gpu: bool
) -> float:
    on_gpu = has_gpu and stage.gpu > 0
    found = []
    for node in nodes:
        slots = node.get("CPU", 0) / stage.cpu
        if on_gpu:
            slots = min(slots, 1 / stage.gpu if node.get("GPU", 0) else 0)
        if slots >= 1 - 1e-9:
            beside = max(1, min(int(slots + 1e-9), actors))
            found.append((gpu_bytes if on_gpu else node.get("memory", ANY_WORKER_BYTES)) / beside)
    return max(found, default=ANY_WORKER_BYTES)
