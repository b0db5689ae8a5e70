"""Stacks against the plain loop of `oracle`, over 50 iterations."""

from functools import partial
from typing import Any

import pytest
import torch

from pgan_ray.attacks.engines.pgan import PGan
from pgan_ray.attacks.pgan import PGanConfig
from pgan_ray.data import TaskData
from pgan_ray.nn import Passes
from tests.attacks.oracle import Oracle
from tests.attacks.settings import QUICK, TABLE_3, train
from tests.science import blobs

CASES: dict[str, dict[str, Any]] = {
    "table 3": TABLE_3,
    "adam, batch norm, average": QUICK,
    "last of batch norm": QUICK | {"sample_from": "last"},
    "objective3": TABLE_3 | {"generator_loss": "objective3"},
    "alpha 0": TABLE_3 | {"alpha": 0.0},
    "alpha 1": TABLE_3 | {"alpha": 1.0},
    "lambda 0": TABLE_3 | {"lambda_prior": 0.0},
    "lambda 0, objective3": QUICK | {"lambda_prior": 0.0, "generator_loss": "objective3"},
    "no smoothing": TABLE_3 | {"label_smoothing": 0.0},
    "C's own smoothing": TABLE_3 | {"classifier_label_smoothing": 0.3},
    "i, j, k = 2, 3, 2": QUICK | {"discriminator_steps": 2, "classifier_steps": 3, "generator_steps": 2},
    "linear": TABLE_3
    | {
        "generator": TABLE_3["generator"] | {"output": "linear", "output_start": "class_mean"},
        "classifier": {"widths": [], "optimizer": TABLE_3["classifier"]["optimizer"]},
    },
}


def assert_agree(stack: PGan, oracles: list[Oracle], **tolerance: float) -> None:
    points = stack.report()
    for member, (oracle, point) in enumerate(zip(oracles, points, strict=True)):
        for network, plain in (
            (stack.generator, oracle.g),
            (stack.discriminator, oracle.d),
            (stack.classifier, oracle.c),
        ):
            torch.testing.assert_close(network.member_state(member), plain.state(), **tolerance)
        sampled = oracle.average if stack.spec.sample_from == "average" else oracle.g.state()
        torch.testing.assert_close(stack.sampling_generator().member_state(member), sampled, **tolerance)
        assert point.metrics == pytest.approx(oracle.metrics(), rel=tolerance.get("rtol", 1e-6))


def run(settings: dict[str, Any], task: TaskData, *players: tuple[float, float], **tolerance: float) -> None:
    stack = train(settings, task, *players)
    oracles = [Oracle(PGanConfig(**settings), task, stack, member) for member in range(len(stack.members))]
    before = [oracle.g.state() | oracle.d.state() | oracle.c.state() for oracle in oracles]
    stack.train(50)
    for oracle, start in zip(oracles, before, strict=True):
        oracle.train(50)
        # Nothing stands still: an agreement of what does not move would say little.
        for name, value in (oracle.g.state() | oracle.d.state() | oracle.c.state()).items():
            assert not torch.allclose(value, start[name], atol=1e-4)
    assert_agree(stack, oracles, **tolerance)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("settings", CASES.values(), ids=list(CASES))
def test_a_stack_of_one_is_algorithm_1(settings: dict[str, Any]) -> None:
    run(settings, blobs())


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("settings", [TABLE_3, QUICK], ids=["table 3", "quick"])
def test_with_three_classes(settings: dict[str, Any]) -> None:
    run(settings, blobs(classes=3))


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("settings", [TABLE_3, QUICK], ids=["table 3", "quick"])
def test_each_member_of_a_stack_is_algorithm_1_with_its_own_alpha_and_lambda(settings: dict[str, Any]) -> None:
    run(settings, blobs(), (0.0, 0.9), (0.3, 0.0), (1.0, 0.5))


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("settings", [TABLE_3, QUICK], ids=["table 3", "quick"])
def test_a_stack_treated_as_a_whole_as_on_a_gpu(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pgan_ray.attacks.engines.pgan.Passes", partial(Passes, by_member=False))
    run(settings, blobs(), (0.1, 0.9), (0.7, 0.4))


def test_in_single_precision_as_in_use() -> None:
    run(TABLE_3, blobs(), (0.1, 0.9), (0.7, 0.4), rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("double")
def test_classes_of_different_sizes() -> None:
    task = blobs(train_per_class=30)
    keep = torch.cat((torch.nonzero(task.train_y == 0).squeeze(1)[:10], torch.nonzero(task.train_y == 1).squeeze(1)))
    task = TaskData(
        task.train_x[keep], task.train_y[keep], task.test_x, task.test_y, task.classes, 1, 0, image_shape=None
    )
    assert task.poison_prior == 0.75
    run(TABLE_3, task)
