"""Small tasks, and what every check asks. Shapes: N points, F features."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pgan_ray.data import TaskData
from pgan_ray.errors import ContractError, PganRayError
from pgan_ray.registry import Registry

SIDE = 8
CPU = torch.device("cpu")


def make_task(classes: int = 2, per_class: int = 60) -> TaskData:
    """Images of 8 x 8 in which each class is bright in rows of its own; class 1 is poisoned, 0 the source."""
    return TaskData(
        *make_points(classes, per_class, seed=1),
        *make_points(classes, 30, seed=2),
        classes=tuple(range(classes)),
        poison_label=1,
        source_label=0,
        image_shape=(SIDE, SIDE),
    )


def make_points(classes: int, per_class: int, seed: int) -> tuple[Tensor, Tensor]:
    """(N, F) points and (N,) labels, in no order."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.repeat(np.arange(classes), per_class))
    images = random.normal(-0.5, 0.2, (len(labels), SIDE, SIDE))
    band = SIDE // classes
    for row, label in enumerate(labels):
        images[row, label * band : (label + 1) * band] += 1.0
    points = np.tanh(images).reshape(len(labels), SIDE * SIDE).astype(np.float32)
    return torch.from_numpy(points), torch.from_numpy(labels)


def found(registry: Registry, component: Any) -> type[Any]:
    """The component that a name, or a class, stands for."""
    return registry.get(component) if isinstance(component, str) else registry.adopted(component)


def contract(check: Callable[..., None]) -> Callable[..., None]:
    """``check``, in which what we raise of a component's mistake is an `AssertionError`; its own errors stay."""

    @wraps(check)
    def checked(component: Any, **config: Any) -> None:
        try:
            check(component, **config)
        except (PganRayError, ContractError) as error:
            raise AssertionError(str(error)) from error

    return checked


def must(holds: bool, rule: str) -> None:
    """Raise `AssertionError` with the ``rule`` unless it ``holds``."""
    if not holds:
        raise AssertionError(rule)


def shown(value: Any) -> str:
    """What was given, for a message."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)} and {value.dtype}"
    return f"an object of {type(value).__qualname__}"
