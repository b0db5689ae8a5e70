"""What a sweep takes, by counting alone: operations, bytes moved, memory, storage, MLflow points, time.

Reads a resolved sweep; measures nothing. `bench` measures this machine, `cluster` cuts stage 2 by it, `cli` prints.
"""

from pgan_ray.cost.devices import DEVICES, Device
from pgan_ray.cost.memory import generator_weights, stack_of_generators, stack_of_victims, weights
from pgan_ray.cost.pace import BATCH_S, TRIAL_S, DevicePace, Pace
from pgan_ray.cost.points import Points, fallback_points, known_points
from pgan_ray.cost.schedule import Forecast, Job, Shape, forecast
from pgan_ray.cost.storage import mlflow_points, stored_bytes
from pgan_ray.cost.sweep import (
    SweepCost,
    cell_work,
    count,
    generator_work,
    iterations,
    kept_size,
    poisoned_size,
)
from pgan_ray.cost.traffic import pgan_iteration_work, scoring_work, victim_step_work
from pgan_ray.cost.work import Work

__all__ = [
    "BATCH_S",
    "DEVICES",
    "TRIAL_S",
    "Device",
    "DevicePace",
    "Forecast",
    "Job",
    "Pace",
    "Points",
    "Shape",
    "SweepCost",
    "Work",
    "cell_work",
    "count",
    "fallback_points",
    "forecast",
    "generator_weights",
    "generator_work",
    "iterations",
    "kept_size",
    "known_points",
    "mlflow_points",
    "pgan_iteration_work",
    "poisoned_size",
    "scoring_work",
    "stack_of_generators",
    "stack_of_victims",
    "stored_bytes",
    "victim_step_work",
    "weights",
]
