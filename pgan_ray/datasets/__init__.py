"""Data sets: where a sweep's points come from. Reads files, packages or a random stream; hands on plain arrays.

A data set is one class in the file of its name; `pgan_ray.data` checks, scales and splits what it gives.
"""

from pgan_ray.datasets.interface import DatasetLoader, Loading, RawDataset
from pgan_ray.spec import DatasetConfig

__all__ = ["DatasetConfig", "DatasetLoader", "Loading", "RawDataset"]
