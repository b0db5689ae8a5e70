"""The contract of victims."""

from functools import partial
from typing import Any

import torch
from torch import Tensor

from pgan_ray.registry import VICTIMS
from pgan_ray.testing.points import CPU, contract, found, make_task, must, shown
from pgan_ray.victims import Judged, Victim

Sets = list[tuple[Tensor, Tensor]]


@contract
def check_victim(component: Any, **config: Any) -> None:
    """Check that the victim ``component``, with the keys ``config``, does what sweeps rely on.

    ``component``: a registered name, a `Victim`, a class with scikit-learn's `fit` and `predict`, or a function or
    class that makes a torch module. Raises `AssertionError`, which says what must hold.
    """
    cls = found(VICTIMS, component)
    victim: Victim = cls.Config(**config).make()
    must(victim.trains, "a victim must be one that is trained (`trains`)")
    for classes in (2, 3):
        _check(victim, classes)
    work = victim.work(64, 2, 100, 30)
    must(work.flop + work.host_flop > 0, "`work` must be greater than 0")
    must(victim.stack_bytes(64, 2, 2, 100) > 0, "`stack_bytes` must be greater than 0")


def _check(victim: Victim, classes: int) -> None:
    task = make_task(classes)
    victim.check(task)
    x, y = task.train_x, task.train_y
    half = len(x) // 2
    sets: Sets = [(x, y), (x[:half], (y[:half] + 1) % classes)]
    points = [*(part for pair in sets for part in pair), task.test_x, task.test_y]
    before = [part.clone() for part in points]
    judged = _judge(victim, sets, task, classes)
    must(len(judged) == 2, f"`judge` must give a judgement for each of 2 training sets, got {len(judged)}")
    for one in judged:
        _check_matrix(one, classes)
    first, second = (one.confusion for one in judged)
    assert first is not None  # as was checked
    assert second is not None
    right = float(first.diagonal().sum() / first.sum())
    must(right > 1.2 / classes, f"classes that lie apart must be told apart better than by chance, got {right:.0%}")
    shifted = float(second.diagonal().sum() / second.sum())
    must(shifted < right, "each victim must be trained on its own training set: with shifted labels, it must err more")
    again = _judge(victim, sets, task, classes)
    same = all(torch.equal(one.confusion, other.confusion) for one, other in zip(judged, again, strict=True))  # type: ignore[arg-type]
    must(same, "the same seeds must give the same judgements")
    unchanged = all(torch.equal(part, kept) for part, kept in zip(points, before, strict=True))
    must(unchanged, "training and test points must not be changed")
    _check_reading(victim, task, classes)
    alone = _judge(victim, [(x[y == 1], y[y == 1])], task, classes)
    _check_matrix(alone[0], classes)


def _check_reading(victim: Victim, task: Any, classes: int) -> None:
    """Of a victim that defences may ask."""
    if type(victim).read is Victim.read:
        return
    x, points = task.train_x, task.test_x
    ask = partial(victim.read, classes=classes, image_shape=task.image_shape, seed=3, device=CPU)
    for y in (torch.ones_like(task.train_y), task.train_y):
        read = ask(x, y, points)
        logs, known = read.log_probabilities, read.representation
        shape = (len(points), classes)
        must(logs.shape == shape, f"`read` must give {shape[0]} x {classes} numbers, got {shown(logs)}")
        must(bool((logs <= 0).all()), "`log_probabilities` must be logarithms of probabilities")
        must(
            known.ndim == 2 and len(known) == len(points),
            f"`representation` must have a row for each point, got {shown(known)}",
        )
    again = ask(x, task.train_y, points)
    same = torch.equal(again.log_probabilities, logs) and torch.equal(again.representation, known)
    must(same, "the same seed must give the same reading")
    right = float((logs.argmax(1) == task.test_y).float().mean())
    must(right > 1.2 / classes, f"what is read must tell classes apart better than by chance, got {right:.0%}")


def _judge(victim: Victim, sets: Sets, task: Any, classes: int) -> list[Judged]:
    return victim.judge(
        sets,
        task.test_x,
        task.test_y,
        classes=classes,
        image_shape=task.image_shape,
        seeds=range(len(sets)),
        stack_seed=3,
        device=CPU,
    )


def _check_matrix(judged: Judged, classes: int) -> None:
    must(not judged.message, f"every victim must be trained and judged, got {judged.message}")
    matrix = judged.confusion
    fits = isinstance(matrix, Tensor) and matrix.shape == (classes, classes)
    must(fits, f"a confusion matrix must be {classes} x {classes}, got {shown(matrix)}")
    assert matrix is not None  # as was checked
    must(matrix.sum(1).tolist() == [30] * classes, f"its rows must count the test points of each class, got {matrix}")
