"""The attackers' own classifier as a function of its parameters, against PyTorch's and NumPy's ways to the same."""

import pytest
import torch
from torch import nn

from pgan_ray.attacks.engines.surrogate import Adam, Surrogate, conjugate_gradients

WIDTHS = pytest.mark.parametrize("widths", [[], [5], [6, 4]])


def points(number: int = 30) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    return torch.randn(number, 4, generator=random, dtype=torch.float64), torch.arange(number) % 3


def some(surrogate: Surrogate) -> torch.Tensor:
    theta = surrogate.initial(3).double()
    return theta + 0.1 * torch.randn(len(theta), generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@WIDTHS
def test_it_is_the_network_of_its_parameters(widths: list[int]) -> None:
    surrogate, (x, y) = Surrogate(4, widths, 3, l2=0.2), points()
    theta = some(surrogate)
    layers: list[nn.Module] = []
    for given, wanted in zip([4, *widths], [*widths, 3], strict=True):
        layers += [nn.Linear(given, wanted), nn.LeakyReLU(0.1)]
    network = nn.Sequential(*layers[:-1]).double()
    nn.utils.vector_to_parameters(theta, network.parameters())
    torch.testing.assert_close(surrogate.output(theta, x), network(x))
    expected = nn.functional.cross_entropy(network(x), y) + 0.1 * theta.square().sum()
    torch.testing.assert_close(surrogate.objective(theta, x, y), expected)
    torch.testing.assert_close(surrogate.hidden(theta, x), network[:-1](x) if widths else x)


@WIDTHS
def test_derivatives_are_autograds(widths: list[int]) -> None:
    surrogate, (x, y) = Surrogate(4, widths, 3, l2=0.2), points()
    theta = some(surrogate)
    vector = torch.randn(len(theta), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    gradient, hessian = (
        way(lambda at: surrogate.objective(at, x, y), theta)
        for way in (torch.autograd.functional.jacobian, torch.autograd.functional.hessian)
    )
    torch.testing.assert_close(surrogate.hessian_product(theta, x, y)(vector), hessian @ vector)
    torch.testing.assert_close(surrogate.along(theta, x, y, vector), gradient @ vector)


def test_a_fit_ends_where_the_gradient_is_nought() -> None:
    surrogate, (x, y) = Surrogate(4, [], 3, l2=0.1), points()
    theta = surrogate.fitted(surrogate.initial(0).double(), x, y, 200)
    gradient = torch.func.grad(lambda at: surrogate.objective(at, x, y))(theta)
    assert gradient.norm() < 1e-4


def test_networks_begin_as_pytorchs_layers_do() -> None:
    theta = Surrogate(100, [50], 2, l2=0).initial(0)
    weights, bias = theta[:5000], theta[5000:5050]
    assert weights.abs().max() <= 0.1
    assert weights.std() == pytest.approx(0.1 / 3**0.5, rel=0.05)
    assert bias.abs().max() <= 0.1
    assert bias.abs().max() > 0.05


def test_conjugate_gradients_solve() -> None:
    random = torch.Generator().manual_seed(0)
    half = torch.randn(12, 12, generator=random, dtype=torch.float64)
    matrix, wanted = half @ half.T + torch.eye(12), torch.randn(12, generator=random, dtype=torch.float64)
    found = conjugate_gradients(lambda v: matrix @ v, wanted, 100)
    torch.testing.assert_close(found, torch.linalg.solve(matrix, wanted), rtol=1e-4, atol=1e-6)


def test_conjugate_gradients_end_where_curvature_is_negative() -> None:
    matrix, wanted = torch.diag(torch.tensor([1.0, -1.0])), torch.tensor([1.0, 0.5])
    found = conjugate_gradients(lambda v: matrix @ v, wanted, 100)
    assert found.isfinite().all()
    assert found.dot(wanted) >= 0  # still no ascent
    assert torch.equal(conjugate_gradients(lambda v: matrix @ v, torch.zeros(2), 5), torch.zeros(2))


def test_adam_is_pytorchs() -> None:
    value = torch.zeros(3, dtype=torch.float64)
    theirs = value.clone().requires_grad_()
    solver, ours = torch.optim.Adam([theirs], lr=0.1), Adam(value)
    for number in range(1, 6):
        gradient = torch.tensor([1.0, -2.0, 0.01], dtype=torch.float64) * number**2
        theirs.grad = gradient.clone()
        solver.step()
        value = value + ours.step(gradient, number, 0.1)
        torch.testing.assert_close(value, theirs.detach())
