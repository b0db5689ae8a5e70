"""Data sets in, tensors out: the second room of the path.

Reads the bytes that data sets name, IDX files and a user's own `.npz`, `.parquet` or `.csv`, and checks what they hold.
Hands a :class:`Dataset` of plain arrays to the object store, and beyond it a :class:`TaskData` of tensors, with the
index :class:`Split` of each run, to attacks, defences and victims.
"""

from pgan_ray.data.dataset import Dataset, Scale
from pgan_ray.data.doubts import doubts
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
    "select_task",
]
