"""What a file of one's own holds, in words, and which sweep would fit it."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pgan_ray.api.start import starting_text
from pgan_ray.data import Dataset, doubts, select_task
from pgan_ray.datasets.file import FileConfig
from pgan_ray.datasets.load import load_dataset
from pgan_ray.errors import DataError, SpecError
from pgan_ray.spec import TaskSpec
from pgan_ray.text import printable_line, typed

MOST_CLASSES = 20


def checked_data(path: str) -> Iterator[str]:
    """Lines on the points in the file at ``path``. Raises `DataError` where it cannot be read, or no sweep fits it."""
    try:
        spec = FileConfig.model_validate({"path": path})
    except ValueError:
        raise SpecError([f"{printable_line(path)}: must be the name of a file, in UTF-8"]) from None
    dataset = load_dataset(spec, seed=0)
    of_both = np.concatenate((dataset.train_labels, dataset.test_labels))
    labels, trained = np.unique(of_both), Counter(dataset.train_labels.tolist())
    tested = Counter(dataset.test_labels.tolist())
    shape = "" if dataset.image_shape is None else f", images of {dataset.image_shape[0]} x {dataset.image_shape[1]}"
    features = dataset.train_features.shape[1]
    yield f"{printable_line(dataset.name)}: {features:,} features{shape}, {len(labels)} classes"
    yield f"  {len(dataset.train_labels):,} training points, {len(dataset.test_labels):,} test points"
    for label in labels[:MOST_CLASSES].tolist():
        yield f"  class {label}: {trained[label]:,} training points, {tested[label]:,} test points"
    if len(labels) > MOST_CLASSES:
        yield f"  ... and {len(labels) - MOST_CLASSES} more classes"
    yield f"  {_values(dataset)}"
    if len(labels) >= 2:
        chosen = [label for label in labels.tolist() if trained[label] and tested[label]]
        for doubt in _doubts(dataset, chosen):
            yield f"  warning: {doubt}"
    try:
        starting_text(Path("my.yaml"), data=path)
    except DataError as error:
        raise DataError(f"no sweep can use this data: {error}") from None
    yield f"to make a sweep for it: pgan-ray init my.yaml --data {typed(path)}"


def _values(dataset: Dataset) -> str:
    low, high = float(dataset.train_features.min()), float(dataset.train_features.max())
    found = f"values from {low:g} to {high:g}"
    if dataset.value_range is not None:
        return f"{found}; {dataset.value_range[0]:g} becomes -1 and {dataset.value_range[1]:g} becomes 1"
    if dataset.scale is not None:
        what = "each feature is" if dataset.image_shape is None else "all pixels together are"
        return f"{found}; {what} scaled to [-1, 1] by the training points (`dataset.scaling` says otherwise)"
    return f"{found}, left as they are"


def _doubts(dataset: Dataset, classes: list[int]) -> Iterator[str]:
    if len(classes) < 2:
        return
    task = TaskSpec(classes=classes, poison_class=classes[1], source_class=classes[0])
    yield from doubts(select_task(dataset, task))
