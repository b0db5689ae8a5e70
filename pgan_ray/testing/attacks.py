"""The contract of attacks."""

import math
from typing import Any

import numpy as np
import torch

from pgan_ray.attacks import Attack, Member, NoPoison, TrainedAttack
from pgan_ray.registry import ATTACKS
from pgan_ray.spec import EvaluationSpec
from pgan_ray.testing.points import CPU, contract, found, make_task, must, shown

USED = np.arange(0, 60, dtype=np.int64)


@contract
def check_attack(component: Any, **config: Any) -> None:
    """Check that the attack ``component``, a class or a name, with the keys ``config``, does what sweeps rely on.

    Raises `AssertionError`, which says what must hold.
    """
    cls = found(ATTACKS, component)
    attack: Attack = cls.Config(**config).make()
    parameters = attack.parameters()
    numbers = all(isinstance(value, float) and math.isfinite(value) for value in parameters.values())
    must(numbers, f"`parameters` must give finite numbers (float) by name, got {parameters}")
    attack.check(make_task(), EvaluationSpec(poison_fractions=[0.1], train_per_class=10, trusted_per_class=25))
    attack.check_surrogate(make_task())
    if isinstance(attack, TrainedAttack):
        _check_training(attack)
    else:
        _check_source(attack)


def _check_source(attack: Attack) -> None:
    task = make_task()
    before = task.train_x.clone()
    source = attack.fit(task)
    first = source.sample(20, np.random.default_rng(1), USED)
    for points in (0, 1, 20):
        poison = source.sample(points, np.random.default_rng(1), USED)
        points = 0 if isinstance(source, NoPoison) else points
        fits = isinstance(poison, torch.Tensor) and poison.shape == (points, task.features)
        must(fits, f"`sample` must give {points} x {task.features} numbers, got {shown(poison)}")
        must(poison.dtype == torch.float32, f"poison must be float32, got {poison.dtype}")
        must(bool(poison.isfinite().all()), "poison must be finite numbers")
        must(torch.equal(poison, first[:points]), "a larger draw from the same stream must begin with the smaller one")
    taken = (first[:, None] == task.train_x[torch.from_numpy(USED)]).all(2).any()
    must(not bool(taken), "no point that detectors or victims were given (`used`) may come back as poison")
    again = attack.fit(task).sample(20, np.random.default_rng(1), USED)
    must(torch.equal(again, first), "the same stream must give the same poison, from a new fit too")
    must(torch.equal(task.train_x, before), "the task's points must not be changed")


def _check_training(attack: TrainedAttack) -> None:
    task = make_task()
    must(attack.iterations(task) >= 1, f"`iterations` must be at least 1, got {attack.iterations(task)}")
    members = [Member(replicate, 7, attack.config) for replicate in range(2)]

    def start() -> Any:
        return attack.train(members, task, device=CPU, precision="float32")

    training = start()
    training.train(3)
    must(
        training.iteration == 3,
        f"`iteration` must be the number of iterations that were trained, 3, got {training.iteration}",
    )
    points = training.report()
    must([p.replicate for p in points] == [0, 1], "`report` must give one point for each member, in the members' order")
    names = set(attack.metrics)
    must(all(set(p.metrics) == names for p in points), f"every point must have the metrics {sorted(names)}")
    poison = training.sample(5, "poison")
    fits = isinstance(poison, torch.Tensor) and poison.shape == (2, 5, task.features)
    must(fits, f"`sample` must give 2 x 5 x {task.features} numbers, got {shown(poison)}")
    must(poison.device == CPU and poison.dtype == torch.float32, "samples must be float32 on the CPU")
    must(not torch.equal(poison[0], poison[1]), "each member must have poison of its own")
    must(torch.equal(training.sample(5, "poison"), poison), "the same purpose must give the same samples")
    weights = training.weights(0)
    must(all(isinstance(w, torch.Tensor) for w in weights.values()), "`weights` must give tensors by name")
    other = start()
    other.load_state({name: value.clone() for name, value in training.state().items()})
    for one in (training, other):
        one.train(2)
    same = torch.equal(training.sample(5, "poison"), other.sample(5, "poison"))
    must(same, "a training that goes on from `state` must end with the same bits as one that was never interrupted")
    must(other.iteration == 5, f"`load_state` must restore `iteration`, got {other.iteration} instead of 5")
