"""PyTorch's private operators against the public ones that stand in for them where it has them no longer."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pgan_ray.nn import Passes, StackedMLP, StackOptimizer, operators
from pgan_ray.nn.operators import chosen
from pgan_ray.spec import AdamSpec, OptimizerSpec, SgdSpec

NAMES = [name.removeprefix("public_") for name in vars(operators) if name.startswith("public_")]


@pytest.fixture
def random() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def drawn(random: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=random)


def several(random: torch.Generator) -> list[Tensor]:
    return [drawn(random, 3, 4), drawn(random, 4)]


ARGUMENTS: dict[str, Callable[[torch.Generator], tuple[object, ...]]] = {
    "leaky_relu_backward": lambda r: (drawn(r, 5, 4), drawn(r, 5, 4) * torch.tensor([1.0, 0.0, 1.0, 1.0]), 0.2),
    "tanh_backward": lambda r: (drawn(r, 5, 4), drawn(r, 5, 4).tanh()),
    "batch_norm_backward": lambda r: (drawn(r, 5, 4), *_normalised(drawn(r, 5, 4), drawn(r, 4))),
    "copy_each_": lambda r: (several(r), several(r)),
    "move_each_": lambda r: (several(r), several(r), 0.1),
    "sgd_": lambda r: (several(r), several(r), several(r), 0.1, 0.9),
    "adam_": lambda r: (several(r), several(r), several(r), _squares(r), torch.tensor(3.0), 0.1, (0.5, 0.99)),
}


def _normalised(rows: Tensor, weight: Tensor) -> tuple[object, ...]:
    return rows, weight, rows.mean(0), (rows.var(0, correction=0) + 1e-5).rsqrt(), 1e-5


def _squares(random: torch.Generator) -> list[Tensor]:
    return [value.square() for value in several(random)]


@pytest.mark.parametrize("name", NAMES)
def test_both_come_to_the_same(name: str, random: torch.Generator) -> None:
    kinds = [getattr(operators, f"{kind}_{name}") for kind in ("private", "public")]
    given = [ARGUMENTS[name](torch.Generator().manual_seed(0)) for _ in kinds]
    made = [kind(*arguments) for kind, arguments in zip(kinds, given, strict=True)]
    if not name.endswith("_"):
        torch.testing.assert_close(*made)
    torch.testing.assert_close(*given)  # what they change in place
    assert getattr(operators, name) is kinds[0]  # of a PyTorch that has it


@pytest.mark.parametrize("error", [AttributeError, TypeError, NotImplementedError])
def test_one_that_cannot_be_called_is_not_chosen(error: type[Exception]) -> None:
    def gone(value: int) -> int:
        raise error

    def plain(value: int) -> int:
        return value

    assert chosen(gone, plain, 1) is plain
    assert chosen(plain, gone, 1) is plain


@pytest.mark.parametrize("spec", [SgdSpec(learning_rate=0.1, momentum=0.9), AdamSpec(learning_rate=0.01)])
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_network_is_trained_alike_without_any_of_them(
    spec: OptimizerSpec, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def learned() -> Tensor:
        random = torch.Generator().manual_seed(0)
        network = StackedMLP(
            4, [6, 5], 3, initial=[random], dropout=0.0, negative_slope=0.2, batch_norm=True, output="tanh"
        )
        passes = Passes(network, precision)
        optimizer = StackOptimizer(spec, passes)
        for _ in range(4):
            passes.backward(passes.forward(drawn(random, 1, 8, 4), random) - 0.3, optimizer.step)
        # Not the weights: biases before a batch norm have no gradient but rounding, which Adam makes steps of.
        return passes.forward(drawn(random, 1, 8, 4), random)

    expected = learned()
    for name in NAMES:
        monkeypatch.setattr(operators, name, getattr(operators, f"public_{name}"))
    tolerance = {"rtol": 0.02, "atol": 0.02} if precision == "bf16" else {"rtol": 1e-4, "atol": 1e-5}
    torch.testing.assert_close(learned(), expected, **tolerance)
