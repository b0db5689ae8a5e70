"""What work there is in a sweep, by counting alone, for whoever cuts, sizes, forecasts or refuses it.

Reads a resolved sweep; measures nothing. Components say what they take in the units of `work` and `networks`.
"""

from pgan_ray.cost.points import Points, carved, fallback_points, known_points, least_points
from pgan_ray.cost.sweep import PointsOf, cell_work, count, kept_size, sweep_bytes
from pgan_ray.cost.work import CORE, DEVICES, Device, Work

__all__ = [
    "CORE",
    "DEVICES",
    "Device",
    "Points",
    "PointsOf",
    "Work",
    "carved",
    "cell_work",
    "count",
    "fallback_points",
    "kept_size",
    "known_points",
    "least_points",
    "sweep_bytes",
]
