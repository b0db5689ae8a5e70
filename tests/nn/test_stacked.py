import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pgan_ray.nn import StackedBatchNorm, StackedMLP
from tests.science import PlainNetwork

FORMS = pytest.mark.parametrize(
    ("batch_norm", "output"), [(False, "linear"), (False, "tanh"), (True, "linear"), (True, "tanh")]
)
pytestmark = pytest.mark.usefixtures("double")


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make(members: int, *, batch_norm: bool = False, output: str = "linear", dropout: float = 0.0) -> StackedMLP:
    return StackedMLP(
        4,
        [5, 7],
        3,
        initial=[seeded(100 + member) for member in range(members)],
        dropout=dropout,
        negative_slope=0.1,
        batch_norm=batch_norm,
        output=output,
    )


def plain(stack: StackedMLP, member: int) -> PlainNetwork:
    return PlainNetwork(stack.member_state(member), negative_slope=0.1, output=stack.output)


def member_gradients(stack: StackedMLP, member: int) -> dict[str, Tensor]:
    gradients = {}
    for name, parameter in stack.named_parameters():
        assert parameter.grad is not None
        by_member = parameter.grad.view(stack.members, -1) if name.startswith("norms.") else parameter.grad
        gradients[name] = by_member[member]
    return gradients


def plain_gradients(network: PlainNetwork) -> dict[str, Tensor]:
    gradients = {}
    for i, linear in enumerate(network.linears):
        gradients[f"layers.{i}.weight"], gradients[f"layers.{i}.bias"] = linear.weight.grad.T, linear.bias.grad[None]
    for i, norm in enumerate(network.norms):
        gradients[f"norms.{i}.weight"], gradients[f"norms.{i}.bias"] = norm.weight.grad, norm.bias.grad
    return gradients


@FORMS
@pytest.mark.parametrize("members", [1, 3])
def test_a_stack_equals_plain_networks(members: int, batch_norm: bool, output: str) -> None:
    stack = make(members, batch_norm=batch_norm, output=output)
    networks = [plain(stack, member) for member in range(members)]
    x = torch.randn(members, 6, 4, generator=seeded(1))
    stack_x = x.clone().requires_grad_()
    plain_x = x.clone().requires_grad_()
    for _ in range(3):  # the running statistics move each time
        trained = stack(stack_x, seeded(0))
        trained.square().sum().backward()
        for member, network in enumerate(networks):
            expected = network.train()(plain_x[member])
            expected.square().sum().backward()
            torch.testing.assert_close(trained[member], expected)
    torch.testing.assert_close(stack_x.grad, plain_x.grad)
    evaluated = stack(x)
    for member, network in enumerate(networks):
        torch.testing.assert_close(member_gradients(stack, member), plain_gradients(network))
        torch.testing.assert_close(stack.member_state(member), network.state())
        torch.testing.assert_close(evaluated[member], network.eval()(x[member]))


def test_batch_norm_is_that_of_torch() -> None:
    norm = StackedBatchNorm(2, 3)
    theirs = [torch.nn.BatchNorm1d(3) for _ in range(2)]
    for step in range(4):
        x = 5 + 3 * torch.randn(2, 8, 3, generator=seeded(step))
        torch.testing.assert_close(norm(x, True), torch.stack([n(x[i]) for i, n in enumerate(theirs)]))
    torch.testing.assert_close(norm.running_mean, torch.cat([n.running_mean for n in theirs]))
    torch.testing.assert_close(norm.running_var, torch.cat([n.running_var for n in theirs]))
    before = norm.running_mean.clone()
    x = torch.randn(2, 8, 3, generator=seeded(9))
    torch.testing.assert_close(norm(x, False), torch.stack([n.eval()(x[i]) for i, n in enumerate(theirs)]))
    assert torch.equal(norm.running_mean, before)


def test_one_set_of_points_may_serve_all_members() -> None:
    stack = make(3)
    x = torch.randn(6, 4, generator=seeded(1))
    torch.testing.assert_close(stack(x.expand(3, -1, -1)), stack(x.repeat(3, 1, 1)))


def test_without_hidden_layers_it_is_a_linear_model() -> None:
    stack = StackedMLP(4, [], 1, initial=[seeded(0)], dropout=0.5, negative_slope=0.1)
    x = torch.randn(1, 6, 4, generator=seeded(1))
    state = stack.member_state(0)
    expected = F.linear(x[0], state["layers.0.weight"].T, state["layers.0.bias"][0])
    torch.testing.assert_close(stack(x, seeded(2))[0], expected)


def test_weights_start_as_those_of_torch() -> None:
    stack = StackedMLP(16, [400], 300, initial=[seeded(0)], dropout=0.0, negative_slope=0.1)
    theirs = torch.nn.Linear(400, 300)
    ours = stack.member_state(0)
    for name, tensor in (("weight", theirs.weight), ("bias", theirs.bias)):
        assert ours[f"layers.1.{name}"].abs().max() <= 1 / 20
        torch.testing.assert_close(ours[f"layers.1.{name}"].std(), tensor.detach().std(), rtol=0.1, atol=0)


def test_a_members_start_depends_on_its_own_generator_alone() -> None:
    def make_of(*seeds: int) -> StackedMLP:
        return StackedMLP(4, [5], 3, initial=[seeded(s) for s in seeds], dropout=0.0, negative_slope=0.1)

    alone, second, other = make_of(7).member_state(0), make_of(3, 7).member_state(1), make_of(3).member_state(0)
    for name, value in alone.items():
        assert torch.equal(value, second[name])
        assert not torch.equal(value, other[name])


def test_dropout_in_training_only() -> None:
    stack = make(2, dropout=0.5)
    x = torch.randn(2, 6, 4, generator=seeded(1))
    assert torch.equal(stack(x), stack(x))
    assert torch.equal(stack(x, seeded(3)), stack(x, seeded(3)))
    assert not torch.equal(stack(x, seeded(3)), stack(x, seeded(4)))


@FORMS
def test_member_state_is_a_copy(batch_norm: bool, output: str) -> None:
    stack = make(2, batch_norm=batch_norm, output=output)
    x = torch.randn(2, 6, 4, generator=seeded(1))
    stack(x, seeded(0))
    before = stack(x)
    for value in stack.member_state(1).values():
        assert not value.requires_grad
        value.fill_(9.0)
    assert torch.equal(stack(x), before)
