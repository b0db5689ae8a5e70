"""That a sweep can run at all: what every command sees to before anything starts."""

from pgan_ray.cost import PointsOf, Room, check_room, check_time, least_points
from pgan_ray.errors import SpecError
from pgan_ray.spec import Sweep


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
        from pgan_ray.cluster.connection import faults_here
        from pgan_ray.cluster.room import room_here

        faults = faults_here(sweep.resources)
        if faults:
            raise SpecError([f"{origin}{fault}" for fault in faults])
        room = room_here(sweep)
    check_room(sweep, points_of, room, origin)
    check_time(sweep, points_of, origin, really_large=really_large)
