"""What is odd about a task's points, though nothing forbids it: said before a sweep starts.

Shapes: N points, F features.
"""

from collections.abc import Iterator

import numpy as np

from pgan_ray.data.task import TaskData

UNEQUAL = 10
"""Times as many points as another class: the smaller one hardly counts in an error over all of them."""


def doubts(task: TaskData) -> Iterator[str]:
    """Warnings about the training points of ``task``, a sentence each."""
    counts = {task.classes[label]: int((task.train_y == label).sum()) for label in range(len(task.classes))}
    least, most = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    if counts[most] >= UNEQUAL * counts[least]:
        yield (
            f"class sizes differ greatly: {counts[most]:,} training points of class {most}, {counts[least]:,} of class "
            f"{least}"
        )
    if task.image_shape is not None:
        return  # pixels at the rim are often constant, and alike
    points = task.train_x.numpy()
    constant = (points == points[0]).all(0)
    if constant.any():
        yield f"{_features(constant)} the same in all training points, so they carry no information"
    _, first = np.unique(points[:, ~constant], axis=1, return_index=True)
    copies = int((~constant).sum()) - len(first)
    if copies:
        yield f"{copies} of {points.shape[1]} features are copies of others, so distances count them more than once"


def _features(which: np.ndarray) -> str:
    indices = np.flatnonzero(which).tolist()
    named = ", ".join(map(str, indices[:5])) + (", ..." if len(indices) > 5 else "")
    return f"{len(indices)} of {len(which)} feature(s) (number {named}) are"
