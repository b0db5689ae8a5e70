"""A stacked network's forward and backward passes by hand.

Autograd would give the same gradients (a test holds the two together) at the price of its own bookkeeping, which is as
much as the arithmetic where layers are small, and of passes over memory that a chain of layers does not need.

Shapes: R replicates, B batch, F features, I/O features in and out of a layer. A *part* is what one operator treats at
once: on a GPU the whole stack, so that a kernel serves all members, and shapes are (R, B, F); on a CPU one member,
whose matrices stay in the caches from one operator to the next, and shapes are (B, F). A part's tensors ask for no
gradients, so autograd keeps out by itself.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor

from pgan_ray.nn import operators
from pgan_ray.nn.products import affine, times_transposed, transposed
from pgan_ray.nn.stacked import BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM, StackedBatchNorm, StackedMLP

leaky_relu_ = torch.nn.functional.leaky_relu_


@dataclass
class _Tape:
    """What the backward pass needs of one part's forward pass, by layer."""

    inputs: list[Tensor] = field(default_factory=list)
    masks: list[Tensor | None] = field(default_factory=list)
    norms: list[list[tuple[Tensor, Tensor, Tensor]]] = field(default_factory=list)  # input, mean, 1 / deviation
    output: Tensor | None = None


class _Part:
    """The members ``member`` (None: all) of a network; its tensors are views of the network's."""

    def __init__(self, network: StackedMLP, member: int | None, dtype: torch.dtype) -> None:
        self._network, self._member = network, member
        self.parameters = [self.view(parameter) for parameter in network.parameters()]
        self._linear = self.parameters[: 2 * len(network.layers)]  # those of the norms follow
        self._copies: list[Tensor] | None = None
        self._gradients: list[Tensor] | None = None
        if dtype != self.parameters[0].dtype:
            self._copies = [torch.empty_like(value, dtype=dtype) for value in self._linear]
            self._gradients = [torch.empty_like(value) for value in self.parameters]
        linear = self._linear if self._copies is None else self._copies
        # Weights (O, I) and biases (1, O), as the products take them.
        self.layers = [(weight, bias.mT) for weight, bias in zip(linear[::2], linear[1::2], strict=True)]
        self.follow()
        norms = cast(Iterable[StackedBatchNorm], network.norms)
        self._norms = [_PartNorm(norm, network.members, member) for norm in norms]

    def view(self, of_stack: Tensor) -> Tensor:
        """This part of a parameter, or of a tensor that lies as one, as it lies: weights (O, I), biases (O, 1)."""
        of_stack = of_stack.detach()
        if of_stack.dim() == 3:
            of_stack = of_stack.mT
        if self._member is None:
            return of_stack
        # Batch norm keeps its members side by side.
        return (of_stack.view(self._network.members, -1) if of_stack.dim() == 1 else of_stack)[self._member]

    def follow(self) -> None:
        """Bring the copies of the weights up to date, where there are any."""
        if self._copies is not None:
            operators.copy_each_(self._copies, self._linear)

    def forward(
        self, x: Tensor, masks: list[Tensor | None], batches: int, training: bool, tape: _Tape | None
    ) -> Tensor:
        """Through all layers; batch norm takes ``batches`` equal parts of B one by one."""
        last, slope = len(self.layers) - 1, self._network.negative_slope
        for index, (weight, bias) in enumerate(self.layers):
            if tape is not None:
                tape.inputs.append(x)
            if index == last:
                x = affine(x, weight, bias, "tanh" if self._network.output == "tanh" else "none")
                break
            if self._norms:
                x, norms = self._norms[index].forward(affine(x, weight, bias), batches, training)
                if tape is not None:
                    tape.norms.append(norms)
                leaky_relu_(x, slope)
            else:
                x = affine(x, weight, bias, "leaky_relu", slope)
            if (mask := masks[index]) is not None:
                x.mul_(mask)
        if tape is not None:
            tape.masks, tape.output = masks, x
        return x

    def backward(self, tape: _Tape, grad: Tensor, weights: bool, inputs: bool) -> tuple[list[Tensor], Tensor | None]:
        """The gradients of `parameters` and of the input, each if asked for."""
        assert tape.output is not None
        if self._network.output == "tanh":
            grad = operators.tanh_backward(grad, tape.output)
        of_layers: list[Tensor] = []  # last layer first, bias before weight
        of_norms: list[Tensor] = []
        for index in range(len(self.layers) - 1, -1, -1):
            x = tape.inputs[index]
            if weights:
                of_layers += grad.sum(-2).unsqueeze(-1), times_transposed(transposed(grad), x.mT)
            if index == 0 and not inputs:
                return self._as_parameters(of_layers[::-1] + of_norms[::-1]), None
            grad = times_transposed(grad, self.layers[index][0].mT)
            if index == 0:
                break
            if (mask := tape.masks[index - 1]) is not None:
                grad.mul_(mask)
            # The output's sign is that of the activation's input; where dropout made it zero, so is the gradient.
            grad = operators.leaky_relu_backward(grad, x, self._network.negative_slope)
            if self._norms:
                grad, of_norm = self._norms[index - 1].backward(grad, tape.norms[index - 1])
                of_norms += reversed(of_norm)
        return self._as_parameters(of_layers[::-1] + of_norms[::-1]), grad

    def _as_parameters(self, gradients: list[Tensor]) -> list[Tensor]:
        if not gradients or self._gradients is None:
            return gradients
        operators.copy_each_(self._gradients, gradients)
        return self._gradients


class _PartNorm:
    """A part of a `StackedBatchNorm`."""

    def __init__(self, norm: StackedBatchNorm, members: int, member: int | None) -> None:
        self._by_member = member is not None
        self._weight, self._bias, self._mean, self._var = (
            value.detach() if member is None else value.detach().view(members, -1)[member]
            for value in (norm.weight, norm.bias, norm.running_mean, norm.running_var)
        )

    def forward(self, x: Tensor, batches: int, training: bool) -> tuple[Tensor, list[tuple[Tensor, Tensor, Tensor]]]:
        """Each batch by its own statistics; the running ones follow batch by batch."""
        outputs, kept = [], []
        for batch in x.chunk(batches, -2):
            rows = self._rows(batch)
            out, mean, inverse = torch.native_batch_norm(
                rows,
                self._weight,
                self._bias,
                self._mean,
                self._var,
                training,
                BATCH_NORM_MOMENTUM,
                BATCH_NORM_EPSILON,
            )
            outputs.append(self._back(out, batch))
            kept.append((rows, mean, inverse))
        return (outputs[0] if batches == 1 else torch.cat(outputs, -2)), kept

    def backward(self, grad: Tensor, kept: list[tuple[Tensor, Tensor, Tensor]]) -> tuple[Tensor, list[Tensor]]:
        """The gradients of the input, and of weight and bias."""
        ((rows, mean, inverse),) = kept  # only a single batch is trained on
        of_rows, of_weight, of_bias = operators.batch_norm_backward(
            self._rows(grad), rows, self._weight, mean, inverse, BATCH_NORM_EPSILON
        )
        return self._back(of_rows, grad), [of_weight, of_bias]

    def _rows(self, x: Tensor) -> Tensor:
        # Members side by side are just more features to the plain kernel.
        return x if self._by_member else x.transpose(0, 1).reshape(x.shape[1], -1)

    def _back(self, rows: Tensor, like: Tensor) -> Tensor:
        if self._by_member:
            return rows
        members, batch, features = like.shape
        return rows.view(batch, members, features).transpose(0, 1).contiguous()


class Passes:
    """Forward and backward passes of ``network``, whose tensors must stay where they are."""

    def __init__(self, network: StackedMLP, precision: str = "float32", *, by_member: bool | None = None) -> None:
        """``by_member``: one part for each member instead of one for all; by default on a CPU."""
        self.network = network
        first = next(network.parameters())
        self._device = first.device
        self.dtype = torch.bfloat16 if precision == "bf16" else first.dtype
        """Of all that passes through."""
        if by_member is None:
            by_member = first.device.type == "cpu"
        members = range(network.members) if by_member else (None,)
        self.parts = [_Part(network, member, self.dtype) for member in members]
        self._by_member = by_member
        self._tapes: list[_Tape] = []

    def forward(
        self, x: Tensor, generator: torch.Generator | None = None, *, batches: int = 1, taped: bool = True
    ) -> Tensor:
        """(R, B, inputs) -> (R, B, outputs) of `dtype`, as the network's own `forward`.

        ``batches``: batch norm takes B as so many batches, one after the other. ``taped``: keep what the backward
        passes need, until the next forward pass.
        """
        masks = self.network.masks(x.shape[1], generator, self.dtype)
        self._tapes = [_Tape() for _ in self.parts] if taped else []
        outputs = []
        for index, (part, part_x) in enumerate(zip(self.parts, self._split(x), strict=True)):
            part_masks = [mask if mask is None or not self._by_member else mask[index] for mask in masks]
            tape = self._tapes[index] if taped else None
            outputs.append(part.forward(part_x, part_masks, batches, generator is not None, tape))
        return self._join(outputs)

    def backward(self, grad: Tensor, use: Callable[[int, list[Tensor]], None]) -> None:
        """Call ``use(part, its parameters' gradients)``, part by part, from the output's gradient (R, B, outputs).

        ``use`` may move the part's parameters: its gradients are still in the caches.
        """
        for index, (part, part_grad) in enumerate(zip(self.parts, self._split(grad), strict=True)):
            gradients, _ = part.backward(self._tapes[index], part_grad, True, False)
            use(index, gradients)
            part.follow()

    def input_gradient(self, grad: Tensor) -> Tensor:
        """The input's gradient (R, B, inputs) from the output's."""
        of_parts = []
        for part, tape, part_grad in zip(self.parts, self._tapes, self._split(grad), strict=True):
            _, of_input = part.backward(tape, part_grad, False, True)
            assert of_input is not None
            of_parts.append(of_input)
        return self._join(of_parts)

    def follow(self) -> None:
        """To be called when the network's weights were moved by anybody but `backward`."""
        for part in self.parts:
            part.follow()

    def _split(self, of_stack: Tensor) -> list[Tensor]:
        of_stack = of_stack.to(self.dtype)
        return list(of_stack.unbind(0)) if self._by_member else [of_stack]

    def _join(self, of_parts: list[Tensor]) -> Tensor:
        if not self._by_member:
            return of_parts[0]
        return of_parts[0].unsqueeze(0) if len(of_parts) == 1 else torch.stack(of_parts)
