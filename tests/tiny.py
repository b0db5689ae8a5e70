"""A sweep so small that a whole one takes seconds."""

from pathlib import Path
from typing import Any

import yaml

from pgan_ray.datasets import DatasetConfig
from pgan_ray.registry import DATASETS
from pgan_ray.spec import Sweep, load_sweep

TINY = {
    "name": "tiny",
    "controls": False,
    "dataset": {"name": "digits"},
    "task": {"classes": [3, 5], "poison_class": 5, "source_class": 3},
    "attack": {
        "alpha": {"grid": [0.1, 0.9]},
        "lambda_prior": 0.9,
        "replicates": 2,
        "iterations": 60,
        "batch_size": 20,
        "generator": {"noise_features": 8, "widths": [16, 16]},
        "discriminator": {"widths": [16]},
        "classifier": {"widths": [16]},
    },
    "evaluation": {
        "poison_fractions": [0, 0.2, 0.4],
        "runs": 2,
        "train_per_class": 60,
        "trusted_per_class": 50,
        "poison_set_size": 100,
        "victim": {"widths": [16], "epochs": 20},
    },
}
CONFIGURATIONS, GENERATORS, CELLS = 2, 4, 24


def write_tiny(folder: Path) -> Path:
    """The tiny sweep as a file in ``folder``."""
    file = folder / "tiny.yaml"
    file.write_text(yaml.safe_dump(TINY))
    return file


def tiny_sweep(folder: Path, *overrides: str) -> Sweep:
    """The tiny sweep, resolved, with ``overrides`` as ``--set`` takes them."""
    return load_sweep(write_tiny(folder), overrides=overrides)


def dataset_config(**keys: Any) -> DatasetConfig:
    """A `dataset` section."""
    found: DatasetConfig = DATASETS.config(keys.get("name", "file")).model_validate(keys)
    return found
