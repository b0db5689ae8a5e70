"""What a poisoning point costs, by attack, as the training set that is poisoned grows.

    python infra/benchmarks/attack_scale.py 1000 2000 5000 10000

trains each attack that moves points for a few iterations on MNIST's 3s and 5s, with so many points in the surrogate's
training set and 3 % of poison, and pGAN in the `quick` profile of `mnist_alpha`, which makes as many points as one
likes: the seconds of a whole attack follow from its configured iterations. `together`: for each point, where all are
moved at once, as here. `one_by_one`: where each has a whole attack of its own, as the sources of the bilevel attacks
have it. The default sizes need MNIST, `PGAN_RAY_DATA` or its mirrors.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from pgan_ray.attacks import Member, TrainedAttack
from pgan_ray.data import TaskData, select_task
from pgan_ray.datasets.load import load_dataset
from pgan_ray.registry import ATTACKS, DATASETS
from pgan_ray.spec import AttackConfig, TaskSpec, load_sweep

CPU = torch.device("cpu")
SWEEP = Path(__file__).parents[2] / "sweeps/mnist_alpha.yaml"
FRACTION = 0.03
BILEVEL = ("biggio_svm", "influence", "back_gradient")
ATTACKERS = (*BILEVEL, "gradient_canceling", "direct_generative", "feature_collision")


def attacks(size: int) -> Iterator[AttackConfig]:
    """Every attack, for a training set of so many points."""
    given = {"points": max(1, round(FRACTION * size)), "poison_fraction": FRACTION}
    for name in ATTACKERS:
        yield ATTACKS.config(name)(**given)
    yield load_sweep(SWEEP, profile="quick").configurations[0].settings.attack


def figures(config: AttackConfig, task: TaskData, size: int, iterations: int) -> dict[str, float | str]:
    """Of one attack: the seconds of an iteration, of the whole, and of a point."""
    attack = config.make()
    assert isinstance(attack, TrainedAttack)
    points = max(1, round(FRACTION * size))
    began = time.perf_counter()
    training = attack.train([Member(0, 0, config)], task, device=CPU, precision="float32")
    start = time.perf_counter() - began
    training.train(1)  # what is made once
    began = time.perf_counter()
    training.train(iterations)
    iteration = (time.perf_counter() - began) / iterations
    whole = start + iteration * attack.iterations(task)
    found: dict[str, float | str] = {"attack": config.name, "training_points": size, "poison_points": points}
    found |= {"iteration_s": iteration, "attack_s": whole, "together_s": whole / points}
    return found | {"one_by_one_s": whole} if config.name in BILEVEL else found


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line of figures for each attack and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="+", type=int, help="points of the surrogate's training set")
    parser.add_argument("--iterations", type=int, default=3, help="that are timed, after a first one")
    parser.add_argument("--dataset", default="mnist", choices=["mnist", "mnist-5k"])
    given = parser.parse_args(arguments)
    dataset = load_dataset(DATASETS.config(given.dataset)(), seed=0)
    task = select_task(dataset, TaskSpec(classes=[3, 5], poison_class=5, source_class=3))
    for size in given.sizes:
        for config in attacks(size):
            if config.name != "pgan":
                config.make().check_surrogate(task)
            print(json.dumps(figures(config, task, size, given.iterations)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
