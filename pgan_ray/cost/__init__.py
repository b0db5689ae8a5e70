"""What a sweep takes, by counting alone: operations, bytes moved, memory, storage, MLflow points, time.

Reads a resolved sweep; measures nothing. `bench` measures this machine, `cluster` cuts stage 2 by it, `cli` prints.
"""

from pgan_ray.cost.devices import DEVICES, Device
from pgan_ray.cost.limits import ANY_WORKER_BYTES, Room, check_room, check_time
from pgan_ray.cost.memory import stack_of_generators, stack_of_victims, weights
from pgan_ray.cost.pace import BATCH_S, TRIAL_S, DevicePace, Pace
from pgan_ray.cost.points import Points, fallback_points, known_points, least_points
from pgan_ray.cost.schedule import Forecast, Job, Shape, forecast
from pgan_ray.cost.storage import mlflow_points, stored_bytes, sweep_bytes
from pgan_ray.cost.sweep import (
    PointsOf,
    SweepCost,
    cell_work,
    count,
    generator_work,
    iterations,
    kept_size,
    poisoned_size,
)
from pgan_ray.cost.traffic import scoring_work, victim_step_work
from pgan_ray.cost.work import Work

__all__ = [
    "ANY_WORKER_BYTES",
    "BATCH_S",
    "DEVICES",
    "TRIAL_S",
    "Device",
    "DevicePace",
    "Forecast",
    "Job",
    "Pace",
    "Points",
    "PointsOf",
    "Room",
    "Shape",
    "SweepCost",
    "Work",
    "cell_work",
    "check_room",
    "check_time",
    "count",
    "fallback_points",
    "forecast",
    "generator_work",
    "iterations",
    "kept_size",
    "known_points",
    "least_points",
    "mlflow_points",
    "poisoned_size",
    "scoring_work",
    "stack_of_generators",
    "stack_of_victims",
    "stored_bytes",
    "sweep_bytes",
    "victim_step_work",
    "weights",
]
