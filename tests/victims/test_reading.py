"""What victims make of single points, which defences ask."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.svm import LinearSVC
from torch import Tensor

from pgan_ray.registry import VICTIMS
from pgan_ray.victims import Reading
from pgan_ray.victims.engines.reading import LEAST, log_probabilities, read_estimator
from tests.science import CPU, blobs

ADAM = {"name": "adam", "learning_rate": 0.02}


def read(name: str, x: Tensor, y: Tensor, points: Tensor, classes: int = 2, seed: int = 3, **keys: Any) -> Reading:
    victim = VICTIMS.config(name)(**keys).make()
    found: Reading = victim.read(x, y, points, classes=classes, image_shape=None, seed=seed, device=CPU)
    return found


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("mlp", {"widths": [12, 5], "dropout": 0.2, "epochs": 5, "optimizer": ADAM}),
        ("logistic", {"epochs": 5, "optimizer": ADAM}),
        ("tests.victims.test_reading:two_layers", {"epochs": 5, "optimizer": ADAM}),
    ],
)
def test_logits_are_affine_in_the_representation(name: str, keys: dict[str, Any], classes: int) -> None:
    """It is what the last layer reads, so one matrix makes all logits of it; of logistic regression, the points."""
    task = blobs(classes=classes, train_per_class=60, distance=3.0)
    found = read(name, task.train_x, task.train_y, task.test_x, classes, **keys)
    logits = (found.log_probabilities[:, 1:] - found.log_probabilities[:, :1]).numpy()
    known = found.representation.double().numpy()
    widths = {"mlp": 5, "logistic": task.features}
    assert known.shape == (len(task.test_x), widths.get(name, 4))
    design = np.hstack([known, np.ones((len(known), 1))])
    solution = np.linalg.lstsq(design, logits, rcond=None)[0]
    np.testing.assert_allclose(design @ solution, logits, atol=1e-3 * np.abs(logits).max())
    assert np.abs(logits).std() > 0.1


def two_layers(features: int, classes: int, image_shape: Any) -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(features, 4), torch.nn.Tanh(), torch.nn.Linear(4, classes))


def test_the_seed_decides() -> None:
    task = blobs(train_per_class=60, distance=3.0)
    keys = {"epochs": 2, "optimizer": ADAM, "widths": [5]}
    one, other = (read("mlp", task.train_x, task.train_y, task.test_x, seed=seed, **keys) for seed in (1, 2))
    assert not torch.equal(one.log_probabilities, other.log_probabilities)


def test_of_a_margin_the_logistic_curve() -> None:
    task = blobs(train_per_class=60, distance=3.0)
    model = LinearSVC(dual="auto", random_state=0)
    found = read_estimator(model, task.train_x, task.train_y, task.test_x, 2)
    margin = model.decision_function(task.test_x.numpy())
    np.testing.assert_allclose(found[:, 1].exp(), 1 / (1 + np.exp(-margin)), rtol=1e-9)


def test_what_cannot_be_has_the_least_number() -> None:
    x = torch.tensor([[0.0], [0.1], [0.2], [9.0], [9.1], [9.2], [9.3], [9.4], [0.3], [0.4]])
    y = (x[:, 0] > 5).long() * 2  # no point of class 1
    found = read("knn", x, y, x[:2], classes=3)
    assert found.log_probabilities.tolist() == [[0.0, LEAST, LEAST]] * 2
    alone = read("linear_svm", x, torch.ones(10, dtype=torch.int64), x[:2], classes=3)
    assert alone.log_probabilities.tolist() == [[LEAST, 0.0, LEAST]] * 2
    assert torch.equal(alone.representation, x[:2])


def test_a_victim_that_diverged_is_told() -> None:
    with pytest.raises(ValueError, match="the victim that a defence asked for diverged"):
        log_probabilities(torch.tensor([[float("nan")]]))
