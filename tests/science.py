"""What the tests of the science rooms share: small tasks, and plain networks that draw as a member of a stack does."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from pgan_ray.data import TaskData
from pgan_ray.nn.stacked import keep_masks
from pgan_ray.registry import VICTIMS

CPU = torch.device("cpu")


def blobs(
    *,
    classes: int = 2,
    features: int = 6,
    train_per_class: int = 60,
    test_per_class: int = 30,
    distance: float = 2.0,
    spread: float = 0.3,
    seed: int = 0,
) -> TaskData:
    """Gaussian blobs, one a class, ``distance`` apart along the first feature; class 1 is poisoned, 0 the source."""
    random = torch.Generator().manual_seed(seed)

    def draw(per_class: int) -> tuple[Tensor, Tensor]:
        y = torch.arange(classes).repeat(per_class)  # not sorted by class
        x = spread * torch.randn(len(y), features, generator=random)
        x[:, 0] += distance * (y - (classes - 1) / 2)
        return x, y

    train_x, train_y = draw(train_per_class)
    test_x, test_y = draw(test_per_class)
    return TaskData(train_x, train_y, test_x, test_y, tuple(range(classes)), 1, 0, None)


class Draws:
    """A stack's random draws, in their agreed order, as one of its members sees them."""

    def __init__(self, random: torch.Generator, members: int = 1, member: int = 0) -> None:
        self.random, self.members, self.member = random, members, member

    def noise(self, points: int, features: int) -> Tensor:
        return torch.randn((self.members, points, features), generator=self.random)[self.member]

    def rows(self, points: int, choices: int) -> Tensor:
        return torch.randint(choices, (self.members, points), generator=self.random)[self.member]

    def dropout(self, x: Tensor, probability: float) -> Tensor:
        (masks,) = keep_masks([(self.members, *x.shape)], probability, self.random, x.dtype, x.device)
        return x * masks[self.member]


class PlainNetwork(nn.Module):
    """One member of a stack as a plain network, from its `StackedMLP.member_state`."""

    def __init__(
        self,
        state: Mapping[str, Tensor],
        *,
        negative_slope: float,
        dropout: float = 0.0,
        output: str = "linear",
        draws: Draws | None = None,
    ) -> None:
        super().__init__()
        count = sum(name.startswith("layers.") and name.endswith(".weight") for name in state)
        self.linears = nn.ModuleList(nn.Linear(*state[f"layers.{i}.weight"].shape) for i in range(count))
        self.norms = nn.ModuleList(
            nn.BatchNorm1d(linear.out_features) for linear in self.linears[:-1] if "norms.0.weight" in state
        )
        for i, linear in enumerate(self.linears):
            weight, bias = state[f"layers.{i}.weight"], state[f"layers.{i}.bias"]
            linear.load_state_dict({"weight": weight.T, "bias": bias.squeeze(0)})
        for i, norm in enumerate(self.norms):
            prefix = f"norms.{i}."
            norm.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
        self.activation = nn.LeakyReLU(negative_slope)
        self.output: nn.Module = nn.Tanh() if output == "tanh" else nn.Identity()
        self.dropout, self.draws = dropout, draws

    def forward(self, x: Tensor, batches: int = 1) -> Tensor:
        """``batches``: batch norm sees the points in so many batches, one after the other."""
        for i, linear in enumerate(self.linears[:-1]):
            x = linear(x)
            if self.norms:
                x = torch.cat([self.norms[i](batch) for batch in x.chunk(batches)])
            x = self.activation(x)
            if self.training and self.dropout > 0:
                assert self.draws is not None
                x = self.draws.dropout(x, self.dropout)
        return self.output(self.linears[-1](x))

    def state(self) -> dict[str, Tensor]:
        """In the form of `StackedMLP.member_state`."""
        state = {}
        for i, linear in enumerate(self.linears):
            state[f"layers.{i}.weight"] = linear.weight.detach().T.clone()
            state[f"layers.{i}.bias"] = linear.bias.detach()[None].clone()
        for i, norm in enumerate(self.norms):
            for name in ("weight", "bias", "running_mean", "running_var"):
                state[f"norms.{i}.{name}"] = getattr(norm, name).detach().clone()
        return state


def own_keys(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a victim's ``settings`` that the victim of this name has."""
    fields = VICTIMS.config(settings.get("name", "mlp")).model_fields
    return {key: value for key, value in settings.items() if key in fields}
