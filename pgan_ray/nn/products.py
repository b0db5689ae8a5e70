"""Matrix products as fast as the processor makes them.

Shapes: B rows, I inputs, O outputs; either one member's matrices, or a whole stack's with a leading dimension R.

PyTorch's own `mm` calls MKL, which keeps to AVX2 on processors that are not Intel's. oneDNN, which PyTorch ships too,
takes whatever the processor has: with AVX-512 on an AMD EPYC it is twice as fast. It is reached by an operator that
was made for `torch.compile`, on matrices and in single precision; whoever lacks it gets `mm`, and the same numbers.
"""

from functools import cache

import torch
from torch import Tensor

# A call of oneDNN's costs some 10 microseconds more than one of MKL's. Below these operations that is not made good.
WORTH_FLOP = 3_000_000


@cache
def onednn_is_faster() -> bool:
    """Whether this machine's CPU and this PyTorch have the faster product."""
    return (
        torch.backends.mkldnn.is_available()
        and torch.backends.cpu.get_cpu_capability() == "AVX512"
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


def affine(x: Tensor, weight: Tensor, bias: Tensor, activation: str = "none", negative_slope: float = 0.0) -> Tensor:
    """(B, O): ``x`` (B, I) times the transpose of ``weight`` (O, I), plus ``bias`` (1, O), then ``activation``.

    That is ``none``, ``tanh`` or ``leaky_relu`` with its ``negative_slope``; oneDNN makes it in passing where it can.
    """
    product: Tensor
    if _onednn(x, weight):
        # With a slope of 0 oneDNN's own makes 0 of what is no number, and a training that diverged would look alive.
        fused = activation if activation != "leaky_relu" or negative_slope > 0 else "none"
        options = [negative_slope] if fused == "leaky_relu" else []
        product = torch.ops.mkldnn._linear_pointwise.default(x, weight, bias[0], fused, options, "")
        if fused == activation:
            return product
    else:
        product = torch.addmm(bias, x, weight.t()) if x.dim() == 2 else torch.baddbmm(bias, x, weight.mT)
    if activation == "leaky_relu":
        return torch.nn.functional.leaky_relu_(product, negative_slope)
    return product.tanh_() if activation == "tanh" else product


def times_transposed(a: Tensor, b: Tensor) -> Tensor:
    """(n, m): ``a`` (n, k) times the transpose of ``b`` (m, k)."""
    if _onednn(a, b):
        product: Tensor = torch.ops.mkldnn._linear_pointwise.default(a, b, None, "none", [], "")
        return product
    return torch.mm(a, b.t()) if a.dim() == 2 else torch.bmm(a, b.mT)


def _onednn(a: Tensor, b: Tensor) -> bool:
    # The size first: on a CPU most products fail it, or none.
    return (
        a.dim() == 2
        and 2 * a.shape[0] * b.numel() >= WORTH_FLOP
        and a.dtype == torch.float32
        and a.device.type == "cpu"
        and onednn_is_faster()
    )
