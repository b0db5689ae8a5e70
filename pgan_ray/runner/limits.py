"""That a sweep can run at all: what every command sees to before anything starts."""

from collections.abc import Mapping, Sequence

from pgan_ray.cost import ANY_WORKER_BYTES, PointsOf, Room, check_room, check_time, least_points
from pgan_ray.errors import SpecError
from pgan_ray.runner.machine import available_cores, faults_here, gpu_bytes_here, gpus_here, memory_for_actors
from pgan_ray.spec import StageResources, Sweep


def check_limits(
    sweep: Sweep, origin: str, points_of: PointsOf = least_points, *, to_join: bool, really_large: bool
) -> None:
    """See that actors find room, that networks fit into a worker's memory, and that the work comes to an end.

    Raises `SpecError`.

    ``to_join``: on a cluster, whose nodes are not known yet; else on this machine. ``origin``: names the file.
    """
    if to_join:
        room = Room()
    else:
        faults = faults_here(sweep.resources)
        if faults:
            raise SpecError([f"{origin}{fault}" for fault in faults])
        room = room_here(sweep)
    check_room(sweep, points_of, room, origin)
    check_time(sweep, points_of, origin, really_large=really_large)


def room_here(sweep: Sweep) -> Room:
    """The memory that one worker finds on this machine alone: so much a stack of one must fit into."""
    node = {"CPU": available_cores(), "GPU": gpus_here(), "memory": memory_for_actors()}
    return room_of(sweep, [node], gpu_bytes_here(), has_gpu=node["GPU"] > 0)


def room_of(sweep: Sweep, nodes: Sequence[Mapping[str, float]], gpu_bytes: float, *, has_gpu: bool) -> Room:
    """As `room_here`, on that of ``nodes`` which has most, beside as many actors as there will be.

    ``gpu_bytes``: of a whole GPU.
    """
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
