"""Schema: multilayer perceptrons and their optimisers, as the paper's Tables 1, 3, 4 and 5 give them."""

from typing import Annotated, Literal

from pydantic import Field

from pgan_ray.spec.base import Part

Width = Annotated[int, Field(ge=1)]
Beta = Annotated[float, Field(ge=0, lt=1)]


class OptimizerSpec(Part):
    """An optimiser of `torch.optim`."""

    name: Literal["sgd", "adam"] = Field(description="`torch.optim.SGD` or `torch.optim.Adam`.")
    learning_rate: float = Field(gt=0, description="Step size.")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="For `sgd`.")
    betas: tuple[Beta, Beta] = Field(default=(0.9, 0.999), strict=False, description="For `adam`.")


class NetworkSpec(Part):
    """A multilayer perceptron: LeakyReLU and dropout after each hidden layer."""

    widths: list[Width] = Field(
        default=[1024, 512], description="Hidden layers, input side first. Empty: a linear model."
    )
    dropout: float = Field(default=0.5, ge=0, lt=1, description="Probability of dropping a hidden unit.")
    negative_slope: float = Field(default=0.1, ge=0, description="Of the LeakyReLU.")
    optimizer: OptimizerSpec = Field(
        default=OptimizerSpec(name="sgd", learning_rate=1e-3), description="How it is trained."
    )


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
        description="`class_mean` starts at the mean point of the poison class (output bias at its atanh, output "
        "weights scaled by 0.1): without it a short training leaves speckle on constant backgrounds.",
    )
    optimizer: OptimizerSpec = Field(
        default=OptimizerSpec(name="adam", learning_rate=1e-4), description="How it is trained."
    )
