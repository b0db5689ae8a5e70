"""Points in the place of a data set's: as many, as wide, one cloud for each class. Shapes: N points, F features."""

import numpy as np
import torch

from pgan_ray.attacks import PoisonSet
from pgan_ray.cost import Points
from pgan_ray.data import TaskData
from pgan_ray.spec import TaskSpec


def stand_in_task(spec: TaskSpec, points: Points, *, most: int) -> TaskData:
    """Clouds with as many points as the data has, of a class ``most`` for training."""
    rng = np.random.default_rng(0)
    means = rng.standard_normal((len(spec.labels), points.features), dtype=np.float32) / 2
    train_x, train_y = _clouds(rng, means, [min(points.train[label], most) for label in spec.labels])
    test_x, test_y = _clouds(rng, means, [points.test[label] for label in spec.labels])
    return TaskData(
        train_x=train_x,
        train_y=train_y,
        test_x=test_x,
        test_y=test_y,
        classes=tuple(spec.labels),
        poison_label=spec.labels.index(spec.poison_class),
        source_label=spec.labels.index(spec.source_class),
        image_shape=None,
    )


def stand_in_attack(task: TaskData, size: int) -> PoisonSet:
    """A poison set of ``size`` points between the two classes."""
    rng = np.random.default_rng(1)
    middle = task.train_x[torch.isin(task.train_y, torch.tensor([task.poison_label, task.source_label]))].mean(0)
    noise = torch.from_numpy(rng.normal(size=(size, task.features)).astype(np.float32))
    return PoisonSet(torch.tanh(middle + noise))


def _clouds(rng: np.random.Generator, means: np.ndarray, sizes: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    noise = [rng.standard_normal((size, means.shape[1]), dtype=np.float32) for size in sizes]
    x = torch.from_numpy(np.concatenate([mean + part for mean, part in zip(means, noise, strict=True)])).tanh_()
    return x, torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
