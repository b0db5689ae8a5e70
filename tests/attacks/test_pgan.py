"""Checkpoints, divergence, reports and samples."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from pgan_ray.attacks import Member
from pgan_ray.attacks.engines import pgan
from pgan_ray.attacks.engines.pgan import METRICS, PGan
from pgan_ray.attacks.pgan import PGanConfig
from tests.attacks.settings import QUICK, SGD, TABLE_3, train, without_dropout
from tests.science import CPU, blobs

SETTINGS = pytest.mark.parametrize("settings", [TABLE_3, QUICK], ids=["table 3", "quick"])
PLAYERS = ((0.1, 0.9), (0.5, 0.5), (0.9, 0.2))


def assert_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


@SETTINGS
def test_the_same_training_gives_the_same_bits(settings: dict[str, Any]) -> None:
    assert_same(*(train(settings, blobs(), *PLAYERS, iterations=10).state() for _ in range(2)))


@SETTINGS
@pytest.mark.parametrize("interrupted_at", [0, 7])
def test_a_resumed_training_ends_with_the_same_bits(settings: dict[str, Any], interrupted_at: int) -> None:
    whole = train(settings, blobs(), *PLAYERS, iterations=interrupted_at)
    checkpoint = whole.state()
    kept = {name: value.clone() for name, value in checkpoint.items()}
    whole.train(8)
    ended, report, poison = whole.state(), whole.report(), whole.sample(20, "poison")
    for _ in range(2):  # a checkpoint serves more than once
        resumed = train(settings, blobs(), *PLAYERS, iterations=3)
        resumed.load_state(checkpoint)
        assert resumed.iteration == interrupted_at
        resumed.train(8)
        assert_same(resumed.state(), ended)
        assert resumed.report() == report
        assert torch.equal(resumed.sample(20, "poison"), poison)
    assert_same(checkpoint, kept)


def test_a_checkpoint_remembers_who_diverged() -> None:
    stack = diverging((0.9, 1e-9))
    stack.train(40)
    stack.report()
    resumed = diverging((0.9, 1e-9))
    resumed.load_state(stack.state())
    assert resumed.diverged_at == stack.diverged_at == {0: 40}


def diverging(alphas: tuple[float, ...]) -> PGan:
    """SGD's steps of D are scaled by alpha: with an absurd learning rate only the smallest alphas survive."""
    settings = without_dropout(TABLE_3)
    settings["discriminator"] = settings["discriminator"] | {"optimizer": SGD | {"learning_rate": 1e8}}
    members = [
        Member(replicate, 0, PGanConfig(**settings | {"alpha": alpha, "lambda_prior": 0.5}))
        for replicate, alpha in enumerate(alphas)
    ]
    return PGan(PGanConfig(**settings), members, blobs(), device=CPU)


def test_divergence_of_one_member_is_its_own() -> None:
    calm, stack = diverging((1e-9, 1e-9, 1e-9)), diverging((1e-9, 0.9, 1e-9))
    for iteration in (40, 80):
        calm.train(40)
        stack.train(40)
        calm_points, points = calm.report(), stack.report()
        assert not all(map(math.isfinite, points[1].metrics.values()))
        assert [points[0], points[2]] == [calm_points[0], calm_points[2]]
        assert points[1].iteration == iteration
    assert calm.diverged_at == {}
    assert stack.diverged_at == {1: 40}
    for network in ("generator", "discriminator", "classifier"):
        for member in (0, 2):
            expected = getattr(calm, network).member_state(member)
            for name, value in getattr(stack, network).member_state(member).items():
                assert torch.equal(value, expected[name])
    samples, calm_samples = stack.sample(10, "poison"), calm.sample(10, "poison")
    assert not samples[1].isfinite().any()
    assert torch.equal(samples[[0, 2]], calm_samples[[0, 2]])


@SETTINGS
@pytest.mark.parametrize("network", ["generator", "discriminator", "classifier"])
def test_weights_that_are_no_numbers_never_become_a_result(settings: dict[str, Any], network: str) -> None:
    stack = train(settings, blobs(), *PLAYERS, iterations=2)
    stack.report()
    with torch.no_grad():
        getattr(stack, network).layers[0].weight[1, 0, 0] = math.nan
    stack.train(1)
    finite = [all(map(math.isfinite, point.metrics.values())) for point in stack.report()]
    assert finite == [True, False, True]
    assert stack.diverged_at == {1: 3}


@pytest.mark.parametrize("counted_at_once", [1, 2, 64])
def test_a_report_is_the_mean_since_the_last(counted_at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pgan, "COUNTED_AT_ONCE", counted_at_once)
    by_one, at_once = (train(TABLE_3, blobs(), *PLAYERS) for _ in range(2))
    singles = []
    for _ in range(4):
        by_one.train(1)
        singles.append(by_one.report())
    at_once.train(3)
    first = at_once.report()
    at_once.train(1)
    second = at_once.report()
    assert [point.iteration for point in first] == [3, 3, 3]
    assert [point.replicate for point in first] == [0, 1, 2]
    for member in range(3):
        assert tuple(first[member].metrics) == METRICS
        for name in METRICS:
            mean = sum(single[member].metrics[name] for single in singles[:3]) / 3
            assert first[member].metrics[name] == pytest.approx(mean, rel=1e-6)
            assert second[member].metrics[name] == singles[3][member].metrics[name]


def test_samples_depend_on_purpose_replicate_and_seed() -> None:
    stack = train(TABLE_3, blobs(), *PLAYERS, iterations=2)
    poison = stack.sample(7, "poison")
    assert poison.shape == (3, 7, 6)
    assert not poison.requires_grad
    assert poison.abs().max() <= 1
    assert torch.equal(poison, stack.sample(7, "poison"))
    assert not torch.equal(poison, stack.sample(7, "samples"))
    assert not torch.equal(poison, stack.sample(7, "poison", 1))
    config = PGanConfig(**TABLE_3 | {"alpha": 0.5, "lambda_prior": 0.5})
    # Two members with the same weights: replicate and seed alone tell them apart.
    for seeds, replicates in (((0, 0), (0, 1)), ((0, 1), (0, 0))):
        members = [Member(replicate, seed, config) for replicate, seed in zip(replicates, seeds, strict=True)]
        pair = PGan(PGanConfig(**TABLE_3), members, blobs(), device=CPU)
        with torch.no_grad():
            for parameter in pair.generator.parameters():
                parameter[1] = parameter[0]
        first, second = pair.sample(7, "poison")
        assert not torch.equal(first, second)


def test_sampling_does_not_disturb_the_training() -> None:
    whole, sampled = (train(QUICK, blobs(), *PLAYERS, iterations=3) for _ in range(2))
    sampled.sample(1500, "poison")
    whole.train(3)
    sampled.train(3)
    assert_same(whole.state(), sampled.state())


def test_a_large_sample_is_drawn_in_parts() -> None:
    stack = train(QUICK, blobs(), *PLAYERS, iterations=3)
    large = stack.sample(2300, "poison")
    assert large.shape == (3, 2300, 6)
    assert len(large[0].unique(dim=0)) == 2300


def test_samples_come_from_the_average_where_asked() -> None:
    average = train(QUICK, blobs(), *PLAYERS, iterations=5)
    last = train(QUICK | {"sample_from": "last"}, blobs(), *PLAYERS, iterations=5)
    for one, other in zip(average.generator.parameters(), last.generator.parameters(), strict=True):
        assert torch.equal(one, other)  # the average follows and does not lead
    assert last.sampling_generator() is last.generator
    assert average.sampling_generator() is not average.generator
    assert not torch.equal(average.sample(7, "poison"), last.sample(7, "poison"))
    undelayed = train(QUICK | {"average_decay": 0.0}, blobs(), *PLAYERS, iterations=5)
    torch.testing.assert_close(undelayed.sample(7, "poison"), last.sample(7, "poison"))


@pytest.mark.parametrize("output", ["tanh", "linear"])
def test_class_mean_starts_near_the_mean_of_the_poison_class(output: str) -> None:
    task = blobs(distance=1.0, features=8)
    generator = TABLE_3["generator"] | {"output": output}
    started = train(TABLE_3 | {"generator": generator | {"output_start": "class_mean"}}, task)
    plain = train(TABLE_3 | {"generator": generator}, task)
    mean = task.poison_class_x.mean(0)
    distance = (started.sample(500, "poison")[0].mean(0) - mean).norm()
    assert distance < 0.1
    assert distance < (plain.sample(500, "poison")[0].mean(0) - mean).norm() / 3


def test_dropout_stays_on_in_sampling_where_asked() -> None:
    on, off = (train(TABLE_3 | {"sample_dropout": way}, blobs(), iterations=5) for way in (True, False))
    dropped, whole = on.sample(400, "poison"), off.sample(400, "poison")
    assert not torch.equal(dropped, whole)
    assert torch.equal(dropped, on.sample(400, "poison"))
    assert torch.equal(on.weights(0)["layers.0.weight"], off.weights(0)["layers.0.weight"])
    plain = off.generator(torch.zeros(1, 1, 5)).detach()
    samples = on.generator(torch.zeros(1, 400, 5), dropout=torch.Generator().manual_seed(1)).detach()
    assert samples.std(1).max() > 0.01  # of one noise vector, many points
    assert torch.equal(off.generator(torch.zeros(1, 1, 5)), plain)


@pytest.mark.parametrize(
    ("epoch", "iterations"), [("poison_class", 2000 * 28), ("all_points", 2000 * 58), ("consumed", 2000 * 7)]
)
def test_what_an_epoch_is(epoch: str, iterations: int) -> None:
    settings = TABLE_3 | {"iterations": None, "epochs": 2000, "epoch": epoch, "batch_size": 200}
    assert PGanConfig(**settings).make().iterations_of(5421, 11552) == iterations


def test_class_mean_of_a_constant_background_is_finite() -> None:
    task = blobs()
    task.train_x[:, 1] = -1.0
    generator = TABLE_3["generator"] | {"output_start": "class_mean"}
    stack = train(TABLE_3 | {"generator": generator}, task, iterations=3)
    samples = stack.sample(50, "poison")[0]
    assert samples.isfinite().all()
    assert samples[:, 1].mean() < -0.99


def test_brain_floats_train_about_the_same() -> None:
    players = [Member(r, 0, PGanConfig(**QUICK | {"alpha": alpha})) for r, alpha in enumerate((0.3, 0.7))]
    full, brief = (
        PGan(PGanConfig(**QUICK), players, blobs(), device=CPU, precision=precision)
        for precision in ("float32", "bf16")
    )
    full.train(20)
    brief.train(20)
    for one, other in zip(full.report(), brief.report(), strict=True):
        assert other.metrics == pytest.approx(one.metrics, rel=0.1, abs=0.05)
        assert one.metrics != other.metrics
    assert brief.diverged_at == {}
