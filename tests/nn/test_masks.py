import pytest
import torch

from pgan_ray.nn import StackedMLP
from pgan_ray.nn.stacked import keep_masks
from tests.science import CPU


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drop(x: torch.Tensor, probability: float, random: torch.Generator) -> torch.Tensor:
    (mask,) = keep_masks([x.shape], probability, random, x.dtype, x.device)
    return x * mask


@pytest.mark.parametrize("probability", [0.1, 0.3, 0.5, 0.9])
def test_it_drops_as_many_as_it_says_and_scales_the_rest(probability: float) -> None:
    x = torch.ones(4, 50, 500)
    dropped = drop(x, probability, seeded(1))
    kept = dropped != 0
    sigma = (probability * (1 - probability) / x.numel()) ** 0.5
    assert abs(kept.float().mean().item() - (1 - probability)) < 4 * sigma
    # Members, points and units are dropped alike and apart.
    for dim in (0, 1, 2):
        others = [d for d in (0, 1, 2) if d != dim]
        rates = kept.float().mean(others)
        assert (rates - (1 - probability)).abs().max() < 5 * sigma * x.shape[dim] ** 0.5
    torch.testing.assert_close(dropped[kept].unique(), torch.tensor([1 / (1 - probability)]), rtol=2e-4, atol=0)


def test_the_mean_stays() -> None:
    # Exactly: the scale is of the probability that masks are drawn with, not of the one that was asked for.
    for probability in (1e-5, 0.3, 0.99999):
        scale = drop(torch.ones(1_000_000), probability, seeded(1)).max()
        assert scale == 65536 / (65536 - round(probability * 65536))


def test_neighbouring_units_are_dropped_independently() -> None:
    kept = (drop(torch.ones(200_000), 0.5, seeded(1)) != 0).float() - 0.5
    for lag in (1, 2, 3, 4, 64):
        assert abs((kept[:-lag] * kept[lag:]).mean().item()) < 4 * 0.25 / 200_000**0.5


@pytest.mark.parametrize("size", [1, 3, 4, 5, 16])
def test_any_number_of_units(size: int) -> None:
    assert drop(torch.ones(size), 0.5, seeded(1)).shape == (size,)


def test_the_gradient_flows_through_the_kept_units() -> None:
    x = torch.full((3, 5, 7), 2.0, requires_grad=True)
    dropped = drop(x, 0.4, seeded(1))
    dropped.sum().backward()
    torch.testing.assert_close(x.grad, dropped.detach() / 2)


def test_the_generator_decides() -> None:
    x = torch.ones(3, 5, 7)
    random = seeded(1)
    first, second = drop(x, 0.5, random), drop(x, 0.5, random)
    assert torch.equal(first, drop(x, 0.5, seeded(1)))
    assert not torch.equal(first, second)


def test_probability_zero_changes_and_draws_nothing() -> None:
    random = seeded(1)
    before = random.get_state()
    network = StackedMLP(7, [5, 4], 1, initial=[seeded(2)], dropout=0.0, negative_slope=0.1)
    assert network.masks(3, random, torch.float32) == [None, None]
    assert torch.equal(random.get_state(), before)


def test_a_probability_next_to_one_keeps_next_to_nothing() -> None:
    dropped = drop(torch.ones(1_000_000), 0.9999999, seeded(1))
    assert dropped.isfinite().all()
    assert (dropped != 0).sum() < 40


def test_a_layout_that_is_not_contiguous() -> None:
    x = torch.arange(24.0).view(2, 3, 4)
    torch.testing.assert_close(
        drop(x.transpose(0, 1), 0.5, seeded(1)), drop(x.transpose(0, 1).contiguous(), 0.5, seeded(1))
    )


@pytest.mark.parametrize("probability", [0.3, 0.5])
def test_masks_drawn_at_once_are_those_drawn_one_after_the_other(probability: float) -> None:
    shapes = [(3, 5, 7), (1,), (2, 8)]
    at_once = keep_masks(shapes, probability, seeded(1), torch.float32, CPU)
    random = seeded(1)
    for mask, shape in zip(at_once, shapes, strict=True):
        assert torch.equal(mask, drop(torch.ones(shape), probability, random))
