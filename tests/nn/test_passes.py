"""The passes by hand against autograd's through the network's own `forward`."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from pgan_ray.nn import Passes, StackedMLP, products
from tests.science import PlainNetwork

BY_MEMBER = pytest.mark.parametrize("by_member", [True, False], ids=["by member", "whole stack"])
MEMBERS, BATCH = 3, 8


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make(widths: tuple[int, ...] = (5, 7), inputs: int = 4, outputs: int = 3, **options: object) -> StackedMLP:
    settings = {"dropout": 0.0, "negative_slope": 0.1} | options
    initial = [seeded(100 + member) for member in range(MEMBERS)]
    return StackedMLP(inputs, widths, outputs, initial=initial, **settings)  # type: ignore[arg-type]


def draw(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed))


def by_autograd(network: StackedMLP, x: Tensor, grad: Tensor, seed: int) -> tuple[Tensor, list[Tensor], Tensor]:
    x = x.clone().requires_grad_()
    out = network(x, seeded(seed))
    gradients = torch.autograd.grad(out, [*network.parameters(), x], grad)
    return out.detach(), list(gradients[:-1]), gradients[-1]


def by_hand(
    network: StackedMLP, by_member: bool, x: Tensor, grad: Tensor, seed: int, precision: str = "float32"
) -> tuple[Tensor, list[Tensor], Tensor]:
    passes = Passes(network, precision, by_member=by_member)
    out = passes.forward(x, seeded(seed))
    stacked = [torch.zeros_like(parameter) for parameter in network.parameters()]

    def keep(part: int, gradients: list[Tensor]) -> None:
        assert len(gradients) == len(stacked)
        for value, gradient in zip(stacked, gradients, strict=True):
            passes.parts[part].view(value).copy_(gradient)

    passes.backward(grad, keep)
    return out, stacked, passes.input_gradient(grad)


@pytest.mark.usefixtures("double")
@BY_MEMBER
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"dropout": 0.4},
        {"dropout": 0.5, "output": "tanh"},
        {"batch_norm": True, "output": "tanh"},
        {"batch_norm": True, "dropout": 0.3},
        {"negative_slope": 0.0, "dropout": 0.3},
        {"widths": (), "output": "tanh"},
        {"outputs": 1, "widths": (1, 6)},
    ],
    ids=str,
)
def test_the_gradients_are_autograds(by_member: bool, options: dict[str, object]) -> None:
    network, other = make(**options), make(**options)  # type: ignore[arg-type]
    x, grad = draw(MEMBERS, BATCH, 4), draw(MEMBERS, BATCH, int(str(options.get("outputs", 3))), seed=2)
    for seed in range(2):  # the running statistics move each time
        expected = by_autograd(other, x, grad, seed)
        torch.testing.assert_close(by_hand(network, by_member, x, grad, seed), expected)
    torch.testing.assert_close(network.state_dict(), other.state_dict())


@pytest.mark.usefixtures("double")
@BY_MEMBER
def test_several_batches_at_once_are_one_after_the_other(by_member: bool) -> None:
    network, other = make(batch_norm=True), make(batch_norm=True)
    x = draw(MEMBERS, 3 * BATCH, 4)
    at_once = Passes(network, by_member=by_member).forward(x, seeded(0), batches=3, taped=False)
    torch.testing.assert_close(
        at_once, torch.cat([other(batch, seeded(0)) for batch in x.chunk(3, dim=1)], dim=1).detach()
    )
    torch.testing.assert_close(network.state_dict(), other.state_dict())


@BY_MEMBER
def test_without_a_generator_it_evaluates(by_member: bool) -> None:
    network = make(batch_norm=True, dropout=0.5)
    x = draw(MEMBERS, BATCH, 4)
    network(x, seeded(3))
    torch.testing.assert_close(Passes(network, by_member=by_member).forward(x), network(x).detach())


@pytest.fixture(params=["onednn", "pytorch"])
def product(request: pytest.FixtureRequest) -> Iterator[None]:
    """With either library's products."""
    if request.param == "onednn" and not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        pytest.skip("this PyTorch has no product of oneDNN's")
    products.use_products(request.param)
    yield
    products.use_products("auto")


@pytest.mark.usefixtures("product")
@pytest.mark.parametrize("slope", [0.0, 0.1])
def test_layers_large_enough_for_the_faster_product(slope: float) -> None:
    network = make((128, 100), inputs=150, outputs=130, output="tanh", dropout=0.3, negative_slope=slope)
    x, grad = draw(MEMBERS, 128, 150), draw(MEMBERS, 128, 130, seed=2)
    assert products.WORTH_FLOP <= 2 * 128 * 128 * 100
    expected = by_autograd(network, x, grad, 0)
    torch.testing.assert_close(by_hand(network, True, x, grad, 0), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("product")
@pytest.mark.parametrize("slope", [0.0, 0.1])
def test_a_point_that_is_no_number_stays_none_in_large_layers(slope: float) -> None:
    network = make((128, 100), inputs=150, outputs=130, negative_slope=slope)
    x = draw(MEMBERS, 128, 150)
    x[1, 5] = torch.nan
    out = Passes(network, by_member=True).forward(x)
    assert out[1, 5].isnan().all()
    assert out.isnan().sum() == 130


@BY_MEMBER
@pytest.mark.parametrize("widths", [(5, 7), (128, 100)], ids=["small", "large enough for the fused product"])
def test_brain_floats_come_near(by_member: bool, widths: tuple[int, ...]) -> None:
    network = make(widths, inputs=130, dropout=0.3, output="tanh")
    x, grad = draw(MEMBERS, 128, 130), draw(MEMBERS, 128, 3, seed=2)
    expected = by_hand(network, by_member, x, grad, 0)
    brief = by_hand(network, by_member, x, grad, 0, "bf16")
    assert brief[0].dtype == brief[2].dtype == torch.bfloat16
    pairs = [(brief[0], expected[0]), *zip(brief[1], expected[1], strict=True), (brief[2], expected[2])]
    for index, (one, other) in enumerate(pairs):
        # Numbers of three digits, and here and there one whose activation came out on the other side of zero.
        assert (one.float() - other).norm() < 0.07 * other.norm(), index
        assert not torch.equal(one.float(), other)
    assert all(gradient.dtype == torch.float32 for gradient in brief[1])


@BY_MEMBER
def test_brain_floats_follow_the_weights(by_member: bool) -> None:
    network = StackedMLP(2, [], 1, initial=[seeded(0)] * 2, dropout=0.0, negative_slope=0.1)
    passes = Passes(network, "bf16", by_member=by_member)
    x = torch.ones(2, 1, 2)

    def move(part: int, gradients: list[Tensor]) -> None:
        for value, gradient in zip(passes.parts[part].parameters, gradients, strict=True):
            value.fill_(3.0).mul_(gradient / gradient)

    passes.forward(x)
    passes.backward(torch.ones(2, 1, 1), move)
    assert (passes.forward(x) == 9).all()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1.0)
    passes.follow()
    assert (passes.forward(x) == 3).all()


@pytest.mark.usefixtures("double")
def test_a_stack_of_one_is_a_plain_network() -> None:
    network = StackedMLP(4, [5], 2, initial=[seeded(0)], dropout=0.0, negative_slope=0.1)
    plain = PlainNetwork(network.member_state(0), negative_slope=0.1)
    x = draw(1, BATCH, 4)
    torch.testing.assert_close(Passes(network).forward(x)[0], plain(x[0]).detach())
