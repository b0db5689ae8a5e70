"""Schema: multilayer perceptrons and their optimisers, as the paper's Tables 1, 3, 4 and 5 give them."""

from typing import Annotated, Literal

from pydantic import Field

from pgan_ray.registry import ComponentError
from pgan_ray.spec.base import Part
from pgan_ray.spec.one_of import OneOf

Width = Annotated[int, Field(ge=1)]
Beta = Annotated[float, Field(ge=0, lt=1)]
StopBelow = Annotated[
    float | None,
    Field(
        gt=0,
        description="A victim's training stops after an epoch with a mean loss below this. Null: never. Estimates "
        "count all epochs.",
    ),
]
"""Beside a victim's ``epochs``; there is none unless it is given, as in the paper."""


class SgdSpec(Part):
    """`torch.optim.SGD`."""

    name: Literal["sgd"] = "sgd"
    learning_rate: float = Field(gt=0, description="Step size.")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="Momentum.")


class AdamSpec(Part):
    """`torch.optim.Adam`."""

    name: Literal["adam"] = "adam"
    learning_rate: float = Field(gt=0, description="Step size.")
    betas: tuple[Beta, Beta] = Field(
        default=(0.9, 0.999),
        strict=False,
        description="Decay rates of the moving averages of the gradient and its square.",
    )


OptimizerSpec = SgdSpec | AdamSpec


class _Optimizers:
    kind = "optimizer"
    _options: dict[str, type[Part]] = {"sgd": SgdSpec, "adam": AdamSpec}  # noqa: RUF012

    def own_names(self) -> list[str]:
        return list(self._options)

    def config(self, name: str) -> type[Part]:
        if name not in self._options:
            raise ComponentError(f"must be {' or '.join(f'`{own}`' for own in self._options)}, got {name!r}")
        return self._options[name]


OPTIMIZERS = _Optimizers()


class NetworkSpec(Part):
    """A multilayer perceptron: LeakyReLU and dropout after each hidden layer."""

    widths: list[Width] = Field(
        default=[1024, 512], description="Hidden layers, input side first. Empty: a linear model."
    )
    dropout: float = Field(default=0.5, ge=0, lt=1, description="Probability of dropping a hidden unit.")
    negative_slope: float = Field(default=0.1, ge=0, description="Negative slope of the LeakyReLU.")
    optimizer: Annotated[OptimizerSpec, OneOf(OPTIMIZERS, {"name": "sgd", "learning_rate": 1e-3})] = Field(
        default=SgdSpec(learning_rate=1e-3), description="How it is trained."
    )


class TrainedNetworkSpec(NetworkSpec):
    """A classifier, and how long it is trained."""

    epochs: int = Field(default=2000, ge=1, description="Passes over the victim's training set.")
    batch_size: int = Field(default=200, ge=1, description="Points per step.")
    stop_below: StopBelow = None


class GeneratorSpec(NetworkSpec):
    """The generator G: noise in, points out."""

    noise_features: int = Field(default=100, ge=1, description="Length of the Gaussian noise vector z.")
    widths: list[Width] = Field(default=[784, 1024], description="Hidden layers, noise side first.")
    batch_norm: bool = Field(default=False, description="Batch normalisation before each LeakyReLU.")
    output: Literal["tanh", "linear"] = Field(
        default="tanh", description="Output activation: `tanh` for images in [-1, 1]."
    )
    output_start: Literal["default", "class_mean"] = Field(
        default="default",
        description="Initial output layer. `class_mean` starts at the mean point of the poison class (with `tanh`, "
        "the bias at its atanh; weights scaled by 0.1). Without it, short training leaves speckle on plain "
        "backgrounds.",
    )
    optimizer: Annotated[OptimizerSpec, OneOf(OPTIMIZERS, {"name": "adam", "learning_rate": 1e-4})] = Field(
        default=AdamSpec(learning_rate=1e-4), description="How it is trained."
    )
