"""Stacked multilayer perceptrons.

Shapes: R replicates (members of the stack), B batch, F features, I/O features in and out of a layer.
A stack of one equals the plain `torch.nn` network with the same weights.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BATCH_NORM_MOMENTUM, BATCH_NORM_EPSILON = 0.1, 1e-5  # PyTorch's


def keep_masks(
    shapes: Sequence[Sequence[int]],
    probability: float,
    generator: torch.Generator,
    dtype: torch.dtype,
    device: torch.device,
) -> list[Tensor]:
    """One mask of each shape: zero with ``probability``, else what keeps the mean; on a CPU as if drawn one by one.

    The probability is rounded to 1/65536: masks come from 16-bit slices of the generator's 64-bit words (8-bit ones
    where the probability needs no more), which is an order of magnitude faster on a CPU than a Bernoulli draw a unit.
    A probability of a half takes one bit a unit.
    """
    if probability == 0.5 and dtype in _BITS_OF_TWO:
        return _coin_masks(shapes, generator, dtype, device)
    bits, integers = (8, torch.int8) if probability * 256 == round(probability * 256) else (16, torch.int16)
    per_word = 64 // bits
    threshold = min(round(probability * 2**bits), 2**bits - 1)
    # Every mask starts with a word of its own.
    units = [-(-prod(shape) // per_word) * per_word for shape in shapes]
    words = torch.empty(sum(units) // per_word, dtype=torch.int64, device=device)
    words.random_(-(2**63), None, generator=generator)
    masks = torch.empty(sum(units), dtype=dtype, device=device)
    torch.ge(words.view(integers), threshold - 2 ** (bits - 1), out=masks)
    masks.mul_(2**bits / (2**bits - threshold))
    return [mask[: prod(shape)].view(shape) for mask, shape in zip(masks.split(units), shapes, strict=True)]


# The integers of a dtype's size, and the bits of its 2.0.
_BITS_OF_TWO = {torch.bfloat16: (torch.int16, 0x4000), torch.float32: (torch.int32, 0x40000000)}


def _coin_masks(
    shapes: Sequence[Sequence[int]], generator: torch.Generator, dtype: torch.dtype, device: torch.device
) -> list[Tensor]:
    """`keep_masks` of probability 1/2: 0 or 2, by one bit each, made without arithmetic on floats."""
    integers, two = _BITS_OF_TWO[dtype]
    width = 8 * integers.itemsize
    drawn = [-(-prod(shape) // 64) for shape in shapes]
    words = torch.empty(sum(drawn), dtype=torch.int64, device=device).random_(-(2**63), None, generator=generator)
    masks = []
    shifts = torch.arange(width, dtype=integers, device=device)[:, None]
    for shape, part in zip(shapes, words.split(drawn), strict=True):
        # Row s has bit s of every word at the top; moved down again it fills all bits.
        bits = torch.bitwise_left_shift(part.view(integers), shifts)
        bits.bitwise_right_shift_(width - 1).bitwise_and_(two)
        masks.append(bits.view(dtype).flatten()[: prod(shape)].view(shape))
    return masks


class StackedLinear(nn.Module):
    """R linear layers: (R, B, I) -> (R, B, O), one `baddbmm`.

    ``weight`` (R, I, O) lies in memory as (R, O, I): the gradient then comes out of its product as the weight lies,
    and the product needs a copy only of the output's gradient, the smaller factor in all networks but G.
    """

    def __init__(self, inputs: int, outputs: int, initial: Sequence[torch.Generator]) -> None:
        """Draw the member r's weights from ``initial[r]``, distributed as `torch.nn.Linear` does."""
        super().__init__()
        bound = inputs**-0.5
        weights, biases = [], []
        for generator in initial:
            weights.append(torch.empty(inputs, outputs).uniform_(-bound, bound, generator=generator))
            biases.append(torch.empty(1, outputs).uniform_(-bound, bound, generator=generator))
        self.weight = nn.Parameter(torch.stack(weights).mT.contiguous().mT)
        self.bias = nn.Parameter(torch.stack(biases))

    def forward(self, x: Tensor) -> Tensor:
        """Apply member r to ``x[r]``."""
        return torch.baddbmm(self.bias, x, self.weight)


class StackedBatchNorm(nn.Module):
    """R batch normalisations over B: (R, B, F) -> (R, B, F), as `torch.nn.BatchNorm1d` each."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, members: int, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(members * features))
        self.bias = nn.Parameter(torch.zeros(members * features))
        self.register_buffer("running_mean", torch.zeros(members * features))
        self.register_buffer("running_var", torch.ones(members * features))

    def forward(self, x: Tensor, training: bool) -> Tensor:
        """Normalise by the batch (and update the running statistics) in training, else by the latter."""
        members, batch, features = x.shape
        # Members side by side are just more features to the plain kernel.
        side_by_side = x.transpose(0, 1).reshape(batch, members * features)
        normalised = F.batch_norm(
            side_by_side, self.running_mean, self.running_var, self.weight, self.bias, training=training
        )
        return normalised.view(batch, members, features).transpose(0, 1)


class StackedMLP(nn.Module):
    """R perceptrons of one shape: linear, [batch norm,] LeakyReLU, dropout for each hidden layer; linear out."""

    def __init__(
        self,
        inputs: int,
        widths: Sequence[int],
        outputs: int,
        *,
        initial: Sequence[torch.Generator],
        dropout: float,
        negative_slope: float,
        batch_norm: bool = False,
        output: str = "linear",
    ) -> None:
        """``initial``: one CPU generator per member, from which its weights are drawn; R is its length."""
        super().__init__()
        sizes = [inputs, *widths, outputs]
        self.layers = nn.ModuleList(StackedLinear(size_in, size_out, initial) for size_in, size_out in pairwise(sizes))
        self.norms = nn.ModuleList(StackedBatchNorm(len(initial), width) for width in widths if batch_norm)
        self.members = len(initial)
        self.dropout = dropout
        self.negative_slope = negative_slope
        self.output = output

    def forward(
        self, x: Tensor, generator: torch.Generator | None = None, *, dropout: torch.Generator | None = None
    ) -> Tensor:
        """(R, B, inputs) -> (R, B, outputs).

        With ``generator``: training behaviour, dropout masks drawn from it and batch norm over the batch. Without:
        evaluation behaviour, but for masks drawn from ``dropout`` where that is given.
        """
        x = self.layers[-1](self.hidden(x, generator, dropout=dropout))
        return torch.tanh(x) if self.output == "tanh" else x

    def hidden(
        self, x: Tensor, generator: torch.Generator | None = None, *, dropout: torch.Generator | None = None
    ) -> Tensor:
        """(R, B, inputs) -> (R, B, width): what the last layer reads, which is ``x`` where there is no other layer."""
        masks = self.masks(x.shape[1], generator or dropout, x.dtype)
        for index, (layer, mask) in enumerate(zip(self.layers[:-1], masks, strict=True)):
            x = layer(x)
            if self.norms:
                x = self.norms[index](x, generator is not None)
            x = F.leaky_relu(x, self.negative_slope)
            if mask is not None:
                x = x * mask
        return x

    def masks(self, batch: int, generator: torch.Generator | None, dtype: torch.dtype) -> Sequence[Tensor | None]:
        """Dropout's mask (R, ``batch``, width) for each hidden layer, drawn at once; None where nothing is dropped."""
        biases = [cast(StackedLinear, layer).bias for layer in self.layers[:-1]]
        if generator is None or self.dropout == 0.0 or not biases:
            return [None] * len(biases)
        shapes = [(self.members, batch, bias.shape[-1]) for bias in biases]
        return keep_masks(shapes, self.dropout, generator, dtype, biases[0].device)

    def member_state(self, member: int) -> dict[str, Tensor]:
        """The weights and statistics of one member, without the stack's dimension, on the CPU."""
        state = {}
        for name, value in self.state_dict().items():
            # Batch norm keeps its members side by side.
            by_member = value.view(self.members, -1) if name.startswith("norms.") else value
            state[name] = by_member[member].detach().cpu().clone(memory_format=torch.contiguous_format)
        return state
