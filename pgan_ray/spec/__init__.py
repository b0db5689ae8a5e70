"""The sweep file: its schema, profiles, grids and named random streams. First room on the path.

Reads a YAML file; hands a `Sweep` of validated configurations on to every other room.
"""

from pgan_ray.spec.attack import AttackSpec
from pgan_ray.spec.dataset import DatasetSpec, TaskSpec
from pgan_ray.spec.evaluation import DetectorSpec, EvaluationSpec, VictimSpec
from pgan_ray.spec.load import load_record, load_sweep, profile_names
from pgan_ray.spec.network import GeneratorSpec, NetworkSpec, OptimizerSpec
from pgan_ray.spec.record import SweepRecord
from pgan_ray.spec.resources import ResourcesSpec, StageResources
from pgan_ray.spec.settings import Settings
from pgan_ray.spec.sweep import Cell, Configuration, Sweep, Variant
from pgan_ray.spec.yaml_file import SweepText, read_text

__all__ = [
    "AttackSpec",
    "Cell",
    "Configuration",
    "DatasetSpec",
    "DetectorSpec",
    "EvaluationSpec",
    "GeneratorSpec",
    "NetworkSpec",
    "OptimizerSpec",
    "ResourcesSpec",
    "Settings",
    "StageResources",
    "Sweep",
    "SweepRecord",
    "SweepText",
    "TaskSpec",
    "Variant",
    "VictimSpec",
    "load_record",
    "load_sweep",
    "profile_names",
    "read_text",
]
