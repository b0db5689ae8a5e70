"""Who influences whom: the members of a stack, and the three networks of a member."""

from typing import Any

import pytest
import torch
from torch import Tensor

from pgan_ray.attacks.engines.pgan import PGan
from pgan_ray.nn import Passes, StackedMLP
from tests.attacks.settings import QUICK, TABLE_3, train
from tests.science import blobs

SETTINGS = pytest.mark.parametrize("settings", [TABLE_3, QUICK], ids=["table 3", "quick"])
NETWORKS = ("generator", "discriminator", "classifier")
ITERATIONS = 15


def spoil(network: StackedMLP) -> None:
    """Replace the weights by others."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(5)))


def same(one: PGan, other: PGan, network: str, member: int = 0) -> bool:
    states = [getattr(stack, network).member_state(member) for stack in (one, other)]
    return all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def with_and_without(settings: dict[str, Any], alpha: float, lambda_prior: float, spoiled: str) -> tuple[PGan, PGan]:
    """The same training twice, once with the weights of the network ``spoiled`` replaced at its start."""
    whole, other = (train(settings, blobs(), (alpha, lambda_prior)) for _ in range(2))
    spoil(getattr(other, spoiled))
    whole.train(ITERATIONS)
    other.train(ITERATIONS)
    assert not same(whole, other, spoiled)
    return whole, other


@SETTINGS
def test_alpha_one_is_blind_to_the_classifier(settings: dict[str, Any]) -> None:
    whole, other = with_and_without(settings, 1.0, 0.9, "classifier")
    assert same(whole, other, "generator")
    assert same(whole, other, "discriminator")


@SETTINGS
def test_alpha_zero_is_blind_to_the_discriminator(settings: dict[str, Any]) -> None:
    whole, other = with_and_without(settings, 0.0, 0.9, "discriminator")
    assert same(whole, other, "generator")
    assert same(whole, other, "classifier")


def gradients_into_poison(passes: Passes) -> list[Tensor]:
    """A list that will hold what comes back from a critic to the poison, in each of G's steps."""
    seen: list[Tensor] = []
    whole = passes.input_gradient

    def look(grad: Tensor) -> Tensor:
        seen.append(whole(grad))
        return seen[-1].clone()  # the caller adds the other critic's to it

    passes.input_gradient = look  # type: ignore[method-assign]
    return seen


@SETTINGS
@pytest.mark.parametrize("loss", ["algorithm1", "objective3"])
@pytest.mark.parametrize("classes", [2, 3])
def test_what_alpha_leaves_out_has_no_gradient_at_all(settings: dict[str, Any], loss: str, classes: int) -> None:
    alphas = (0.0, 0.5, 1.0)
    stack = train(settings | {"generator_loss": loss}, blobs(classes=classes), *((alpha, 0.9) for alpha in alphas))
    from_discriminator = gradients_into_poison(stack._passes["discriminator"])
    from_classifier = gradients_into_poison(stack._passes["classifier"])
    stack.train(ITERATIONS)
    assert len(from_discriminator) == len(from_classifier) == ITERATIONS * stack.spec.generator_steps
    for discriminator, classifier in zip(from_discriminator, from_classifier, strict=True):
        assert discriminator.flatten(1).any(1).tolist() == [False, True, True]
        assert classifier.flatten(1).any(1).tolist() == [True, True, False]


@SETTINGS
@pytest.mark.parametrize("spoiled", ["discriminator", "classifier"])
def test_between_the_generator_sees_both(settings: dict[str, Any], spoiled: str) -> None:
    assert not same(*with_and_without(settings, 0.5, 0.9, spoiled), "generator")


@SETTINGS
def test_lambda_zero_trains_the_classifier_on_genuine_points_only(settings: dict[str, Any]) -> None:
    whole, other = with_and_without(settings, 0.5, 0.0, "generator")
    assert same(whole, other, "classifier")
    assert not same(whole, other, "discriminator")


@SETTINGS
def test_lambda_above_zero_lets_the_poison_in(settings: dict[str, Any]) -> None:
    assert not same(*with_and_without(settings, 0.5, 0.1, "generator"), "classifier")


def test_the_classifier_does_not_see_the_discriminator_nor_the_reverse() -> None:
    # One iteration, so that G has not yet carried one's influence to the other.
    for spoiled, kept in (("discriminator", "classifier"), ("classifier", "discriminator")):
        whole, other = (train(TABLE_3, blobs(), (0.5, 0.9)) for _ in range(2))
        spoil(getattr(other, spoiled))
        whole.train(1)
        other.train(1)
        assert same(whole, other, kept)


@SETTINGS
@pytest.mark.parametrize(("alpha", "critic"), [(0.0, "discriminator"), (1.0, "classifier")])
def test_a_critic_without_a_say_is_trained_all_the_same(settings: dict[str, Any], alpha: float, critic: str) -> None:
    untrained = train(settings, blobs(), (alpha, 0.5))
    trained = train(settings, blobs(), (alpha, 0.5), iterations=60)
    assert not same(untrained, trained, critic)
    first = train(settings, blobs(), (alpha, 0.5), iterations=1).report()[0].metrics[f"{critic}_loss"]
    trained.report()
    trained.train(5)
    assert trained.report()[0].metrics[f"{critic}_loss"] < first


@SETTINGS
def test_members_do_not_influence_each_other(settings: dict[str, Any]) -> None:
    players = [(0.1, 0.9), (0.5, 0.5), (0.9, 0.2)]
    before = train(settings, blobs(), *players, iterations=ITERATIONS)
    players[1] = (0.0, 1.0)
    after = train(settings, blobs(), *players, iterations=ITERATIONS)
    for network in NETWORKS:
        assert same(before, after, network, member=0)
        assert not same(before, after, network, member=1)
        assert same(before, after, network, member=2)
    reports = [stack.report() for stack in (before, after)]
    assert [one == other for one, other in zip(*reports, strict=True)] == [True, False, True]


def test_replicates_and_seeds_differ_from_the_start() -> None:
    stack = train(TABLE_3, blobs(), (0.5, 0.5), (0.5, 0.5))
    reseeded = train(TABLE_3, blobs(), (0.5, 0.5), (0.5, 0.5), seed=1)
    again = train(TABLE_3, blobs(), (0.5, 0.5), (0.5, 0.5))
    for network in NETWORKS:
        weights = getattr(stack, network).layers[0].weight
        assert not torch.equal(weights[0], weights[1])
        assert not torch.equal(weights, getattr(reseeded, network).layers[0].weight)
        assert torch.equal(weights, getattr(again, network).layers[0].weight)
    shapes = {"generator": (9, 10), "discriminator": (10, 8), "classifier": (11, 7)}
    for network, widths in shapes.items():
        assert tuple(layer.weight.shape[2] for layer in getattr(stack, network).layers[:-1]) == widths


def test_the_poison_does_what_alpha_says() -> None:
    """A plain GAN ends among the genuine points of the poison class; without D, poison leaves them for the source."""
    task = blobs(distance=1.4)
    settings = QUICK | {"sample_from": "last", "batch_size": 32}
    stack = train(settings, task, (1.0, 0.9), (0.0, 0.9), iterations=400)
    along = stack.sample(200, "poison")[:, :, 0].mean(1)
    genuine, source = task.poison_class_x[:, 0].mean(), task.train_x[task.train_y == task.source_label][:, 0].mean()
    assert abs(along[0] - genuine) < 0.2
    assert along[1] < (genuine + source) / 2
