"""The sweep file: its schema, profiles, grids and searches, named random streams. First room on the path.

Reads a YAML file; hands a `Sweep` of validated configurations on to every other room. Which keys a component has, it
asks the component.
"""

from pgan_ray.spec.components import (
    AttackConfig,
    Component,
    ComponentConfig,
    DefenceConfig,
    DetectorConfig,
    VictimConfig,
)
from pgan_ray.spec.dataset import DatasetConfig, TaskSpec
from pgan_ray.spec.evaluation import EvaluationSpec
from pgan_ray.spec.extend import with_replicates, with_values
from pgan_ray.spec.foreign import foreign_names
from pgan_ray.spec.layers import BODY, PAPER
from pgan_ray.spec.load import load_record, load_sweep, profile_names
from pgan_ray.spec.network import AdamSpec, GeneratorSpec, NetworkSpec, OptimizerSpec, SgdSpec, TrainedNetworkSpec
from pgan_ray.spec.record import MAX_RECORD_BYTES, SweepRecord
from pgan_ray.spec.resources import ResourcesSpec, StageResources
from pgan_ray.spec.search import SearchSpec
from pgan_ray.spec.searched import MAIN, KnownTrials, Search, TrialKey, is_random, trial_id, with_known
from pgan_ray.spec.settings import Settings
from pgan_ray.spec.shipped import shipped_sweeps, sweep_text
from pgan_ray.spec.space import Dimension
from pgan_ray.spec.sweep import Cell, Configuration, Sweep, Variant
from pgan_ray.spec.yaml_file import SweepText

__all__ = [
    "BODY",
    "MAIN",
    "MAX_RECORD_BYTES",
    "PAPER",
    "AdamSpec",
    "AttackConfig",
    "Cell",
    "Component",
    "ComponentConfig",
    "Configuration",
    "DatasetConfig",
    "DefenceConfig",
    "DetectorConfig",
    "Dimension",
    "EvaluationSpec",
    "GeneratorSpec",
    "KnownTrials",
    "NetworkSpec",
    "OptimizerSpec",
    "ResourcesSpec",
    "Search",
    "SearchSpec",
    "Settings",
    "SgdSpec",
    "StageResources",
    "Sweep",
    "SweepRecord",
    "SweepText",
    "TaskSpec",
    "TrainedNetworkSpec",
    "TrialKey",
    "Variant",
    "VictimConfig",
    "foreign_names",
    "is_random",
    "load_record",
    "load_sweep",
    "profile_names",
    "shipped_sweeps",
    "sweep_text",
    "trial_id",
    "with_known",
    "with_replicates",
    "with_values",
]
