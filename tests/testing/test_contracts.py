"""Our own components pass the contracts that we ask of others, and a component that breaks one is told which."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pgan_ray.attacks import Attack
from pgan_ray.attacks.optimised import OptimisedAttack
from pgan_ray.cost import Points
from pgan_ray.datasets import DatasetLoader, Loading, RawDataset
from pgan_ray.datasets.idx_files import IdxLoader
from pgan_ray.defences import Detector, ScoredDetector
from pgan_ray.registry import ATTACKS, DATASETS, DEFENCES, DETECTORS, VICTIMS
from pgan_ray.testing import check_attack, check_dataset, check_defence, check_detector, check_victim
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


OF_FILES = [name for name in DATASETS.own_names() if issubclass(DATASETS.get(name), IdxLoader)]


@pytest.mark.parametrize("name", sorted({*DATASETS.own_names()} - {*OF_FILES}))
def test_our_data_sets_that_need_no_network(name: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    np.savez(tmp_path / "my.npz", features=random.normal(size=(100, 3)), labels=np.arange(100) % 2)
    check_dataset(name, **({"path": str(tmp_path / "my.npz")} if name == "file" else {}))


@pytest.mark.parametrize("name", OF_FILES)
def test_our_data_sets_of_files(name: str, full_data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGAN_RAY_DATA", str(full_data_dir))
    check_dataset(name)


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


class Own(DatasetLoader):
    """What a test says, of the seed."""

    given: Any = None

    def load(self, loading: Loading) -> Any:
        return type(self).given(loading)


def raw(random: np.random.Generator, **parts: Any) -> RawDataset:
    """Points of two classes."""
    return RawDataset(**{"features": random.normal(size=(100, 3)), "labels": np.arange(100) % 2} | parts)


def fails(loading: Loading) -> Any:
    return [][1]


LINES = np.arange(300.0).reshape(100, 3)
IN_PLACE = "the data set `tests.testing.test_contracts:Own`"


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"labels": np.zeros(100, dtype=int)}, f"{IN_PLACE}: `labels` must hold at least 2 classes, got"),
        ({"labels": (np.arange(100) > 95).astype(int)}, "training points, and 10 test points each, got"),
        ({"labels": np.arange(100) % 2 + 0.5}, f"{IN_PLACE}: `labels` must be whole numbers of an integer type, got"),
        ({"features": np.full((100, 3), np.nan)}, f"{IN_PLACE}: `features` must be finite in float32, got nan at"),
        (
            {"features": np.ones((99, 3))},
            f"{IN_PLACE}: `features` and `labels` must have the same length, got 99 and 100",
        ),
        ({"features": np.ones(100)}, f"{IN_PLACE}: `features` must have shape .points, features. or"),
        ({"features": [[1.0]] * 100}, f"{IN_PLACE}: `features` must be a NumPy array, got an object of list"),
        (
            {"test_labels": np.arange(4)},
            f"{IN_PLACE}: `test_features` and `test_labels` must be given together or not at all",
        ),
        ({"scaling": "minmax"}, f"{IN_PLACE}: `scaling` must be one of"),
        ({"value_range": (1, 0)}, rf"{IN_PLACE}: `value_range` must be \[low, high\] with low < high"),
        ({"value_range": (0, 1)}, rf"{IN_PLACE}: features must lie in `value_range` \[0.0, 1.0\], got"),
        ({"value_range": (0, 1), "scaling": "none"}, f"{IN_PLACE}: `scaling` and `value_range` must not both be given"),
        (
            {"features": LINES, "test_features": LINES, "test_labels": np.arange(100) % 2},
            "test points must not all be training points too",
        ),
    ],
)
def test_points_that_a_data_set_must_not_give_are_told(
    parts: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Own, "given", staticmethod(lambda of: raw(of.random("a"), **parts)))
    with pytest.raises(AssertionError, match=message):
        check_dataset(Own)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda of: raw(np.random.default_rng()), "the same seed must give the same points, whatever was drawn before"),
        (
            lambda of: raw(of.random("a"), labels=np.arange(100) % (2 + of.seed % 2)),
            "every seed must give the same number",
        ),
        (lambda of: 3, f"{IN_PLACE}: `load` must give a `RawDataset`, got an object of int"),
        (fails, rf"(?s){IN_PLACE} failed to load:\nTraceback.*in fails\n.*IndexError: list index out of range"),
    ],
)
def test_loading_that_breaks_the_contract_is_told(given: Any, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Own, "given", staticmethod(given))
    with pytest.raises(AssertionError, match=message):
        check_dataset(Own)


def test_a_data_set_that_says_wrong_sizes_or_names_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Own, "given", staticmethod(lambda of: raw(of.random("a"))))
    check_dataset(Own)
    monkeypatch.setattr(Own, "points", lambda self: Points(3, {0: 1}, {0: 1}))
    with pytest.raises(AssertionError, match="`points` must give the numbers of points that `load` gives"):
        check_dataset(Own)
    monkeypatch.setattr(Own, "class_names", {0: None})
    with pytest.raises(AssertionError, match="`class_names` must give a text for each class's label"):
        check_dataset(Own)


def test_what_breaks_a_contract_is_told() -> None:
    with pytest.raises(AssertionError, match=r"no point that detectors or victims were given \(`used`\) may come back"):
        check_attack(Greedy)
    with pytest.raises(AssertionError, match="whether a point is rejected must not depend on the other points"):
        check_detector(Grouped)
    with pytest.raises(AssertionError, match="must be told apart better than by chance, got 50%"):
        check_victim(Constant)
    with pytest.raises(AssertionError, match="`judge` must give a judgement for each of 2 training sets, got 0"):
        check_victim(Short)
    with pytest.raises(AssertionError, match="training and test points must not be changed"):
        check_victim(Greying)
    with pytest.raises(Exception, match=r"must be a subclass of `pgan_ray.victims.Victim`, or a class with"):
        check_victim(dict)


class Pixels(ScoredDetector):
    """A detector with a score for each feature."""

    def fit_score(self, points: Any, random: Any) -> Any:
        return lambda found: found.abs()


class WithoutSection(Pixels):
    """A detector whose author forgot what it is made of."""

    def __init__(self) -> None: ...


def one_logit(features: int, classes: int, image_shape: Any) -> torch.nn.Module:
    return torch.nn.Linear(features, 1)


@pytest.mark.parametrize(
    ("check", "broken", "message"),
    [
        (check_detector, Pixels, "a score must be a tensor of numbers, one for each of 50 points, got Tensor of shape"),
        (
            check_detector,
            WithoutSection,
            r"must accept its section as its only argument, `WithoutSection\(config\)`, got TypeError",
        ),
        (check_victim, one_logit, r"a module must give logits of shape \(2, 2\), got \(2, 1\)"),
    ],
)
def test_a_mistake_that_a_sweep_tells_of_is_a_broken_contract(check: Any, broken: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check(broken)
