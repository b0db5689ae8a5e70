"""Our own components pass the contracts that we ask of others, and a component that breaks one is told which."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pgan_ray.attacks import Attack
from pgan_ray.attacks.optimised import OptimisedAttack
from pgan_ray.defences import Detector
from pgan_ray.registry import ATTACKS, DEFENCES, DETECTORS, VICTIMS
from pgan_ray.testing import check_attack, check_defence, check_detector, check_victim
from pgan_ray.victims import Judged, SklearnVictim, Victim

SMALL = {"widths": [8], "dropout": 0.0}
PGAN = {
    "alpha": 0.5,
    "lambda_prior": 0.9,
    "iterations": 5,
    "batch_size": 10,
    "generator": SMALL,
    "discriminator": SMALL,
    "classifier": SMALL,
}
MOVED = {"points": 8, "validation_per_class": 5, "iterations": 5}
ADAM = {"name": "adam", "learning_rate": 0.02}
TRAINED = {"optimizer": ADAM, "epochs": 10, "batch_size": 30}
VICTIM_CONFIGS: dict[str, dict[str, Any]] = {
    "mlp": SMALL | TRAINED,
    "logistic": TRAINED,
    "cnn": TRAINED | {"channels": [2, 4], "hidden": 8},
    "gradient_boosting": {"max_iter": 10},
}


@pytest.mark.parametrize("name", ATTACKS.own_names())
def test_our_attacks(name: str) -> None:
    moves_points = issubclass(ATTACKS.get(name), OptimisedAttack)
    check_attack(name, **(PGAN if name == "pgan" else MOVED if moves_points else {}))


@pytest.mark.parametrize("name", DETECTORS.own_names())
def test_our_detectors(name: str) -> None:
    check_detector(name)


@pytest.mark.parametrize("name", [name for name in DEFENCES.own_names() if not DETECTORS.is_ours(name)])
def test_our_other_defences(name: str) -> None:
    check_defence(name)


@pytest.mark.parametrize("name", [name for name in VICTIMS.own_names() if VICTIMS.get(name).trains])
def test_our_victims(name: str) -> None:
    check_victim(name, **VICTIM_CONFIGS.get(name, {}))


class Greedy(Attack):
    """Gives points that others were given."""

    def fit(self, task: Any) -> Any:
        class Source:
            def sample(self, points: int, random: np.random.Generator, used: Any) -> Tensor:
                found: Tensor = task.train_x[:points].clone()
                return found

        return Source()


class Grouped(Detector):
    """Judges points by who is beside them."""

    def fit(self, trusted: Tensor, random: np.random.Generator) -> Any:
        return self

    def reject(self, points: Tensor) -> Tensor:
        return torch.arange(len(points)) >= 90


class Constant(SklearnVictim):
    def estimator(self, random_state: int, points: int) -> Any:
        class Model:
            def fit(self, x: Any, y: Any) -> None:
                pass

            def predict(self, x: Any) -> Any:
                return np.zeros(len(x))

        return Model()


class Short(Victim):
    def judge(self, *_: Any, **__: Any) -> list[Judged]:
        return []


class Greying(Victim):
    """Changes the test points."""

    def judge(self, training: Any, test_x: Tensor, test_y: Tensor, **options: Any) -> list[Judged]:
        judged = VICTIMS.config("knn")().make().judge(training, test_x, test_y, **options)
        test_x *= 0.999
        return judged  # type: ignore[no-any-return]


def test_what_breaks_a_contract_is_told() -> None:
    with pytest.raises(AssertionError, match=r"no point that detectors or victims were given \(`used`\) may come back"):
        check_attack(Greedy)
    with pytest.raises(AssertionError, match="each point must be judged by itself"):
        check_detector(Grouped)
    with pytest.raises(AssertionError, match="must be told apart better than by chance, got 50%"):
        check_victim(Constant)
    with pytest.raises(AssertionError, match="there must be a judgement for each of 2 training sets, got 0"):
        check_victim(Short)
    with pytest.raises(AssertionError, match="the points, to train on and to be judged on, must stay as they are"):
        check_victim(Greying)
    with pytest.raises(Exception, match=r"must be a subclass of `pgan_ray.victims.Victim`, or a class with"):
        check_victim(dict)
