"""Data sets in, tensors out: the second room of the path.

Reads the spec's `dataset` and `task` parts, and the bytes that they name: IDX files, packages, a user's own
`.npz` or `.parquet`, or a random stream. Hands a :class:`Dataset` of plain arrays to the object store, and
beyond it a :class:`TaskData` of tensors, with the index :class:`Split` of each run, to attacks, defences
and victims.
"""

from pgan_ray.data.dataset import Dataset, Scale
from pgan_ray.data.doubts import doubts
from pgan_ray.data.load import load_dataset
from pgan_ray.data.sources import DataAbsentError
from pgan_ray.data.splits import MIN_TEST_PER_CLASS, Split, check_sizes, draw_split
from pgan_ray.data.task import TaskData, select_task

__all__ = [
    "MIN_TEST_PER_CLASS",
    "DataAbsentError",
    "Dataset",
    "Scale",
    "Split",
    "TaskData",
    "check_sizes",
    "doubts",
    "draw_split",
    "load_dataset",
    "select_task",
]
