"""Matrix products as fast as the processor makes them.

Shapes: B rows, I inputs, O outputs; either one member's matrices, or a whole stack's with a leading dimension R.

In float32 PyTorch's own `mm` calls MKL, which keeps to AVX2 on processors that are not Intel's. oneDNN, which PyTorch
ships too, takes whatever the processor has: with AVX-512 on an AMD EPYC it is twice as fast, on an Intel Xeon slower
than MKL. It is reached by an operator that was made for `torch.compile`, on matrices; whoever lacks it gets `mm`, and
the same numbers to the last digits of float32. Which of them is taken follows from the processor's maker and flags
alone, never from a measurement; a sweep decides once, and tells its workers by `use_products`. ARM has PyTorch's own.

In bf16 PyTorch's own products are oneDNN's already, on AMX or AVX512_BF16 where the processor has it.
"""

from functools import cache
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

Library = Literal["onednn", "pytorch"]

# A call of oneDNN's costs some 10 microseconds more than one of MKL's. Below these operations that is not made good.
WORTH_FLOP = 3_000_000


def cpu_vendor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The maker of this machine's CPU, as it names itself; empty where the system does not say."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("vendor_id")), "")


@cache
def faster_products() -> Library:
    """Whose products of float32 are the faster ones on this machine's CPU; oneDNN's only if this PyTorch has them."""
    is_onednn = cpu_vendor() == "AuthenticAMD" and torch.backends.cpu.get_cpu_capability() == "AVX512"
    return "onednn" if is_onednn and _has_onednn() else "pytorch"


def use_products(library: Library | Literal["auto"]) -> None:
    """Take this library's products of float32 from now on, in the whole process; ``auto``: the faster ones here."""
    global _takes_onednn
    _takes_onednn = (faster_products() if library == "auto" else library) == "onednn" and _has_onednn()


@cache
def _has_onednn() -> bool:
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


_takes_onednn = faster_products() == "onednn"


@cache
def has_bf16() -> bool:
    """Whether oneDNN takes brain floats on this machine's CPU."""
    return _has_onednn() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


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
    # Of brain floats PyTorch's own product is oneDNN's, and takes less around it.
    if a.dtype != torch.bfloat16 and _onednn(a, b):
        product: Tensor = torch.ops.mkldnn._linear_pointwise.default(a, b, None, "none", [], "")
        return product
    return torch.mm(a, b.t()) if a.dim() == 2 else torch.bmm(a, b.mT)


def transposed(x: Tensor) -> Tensor:
    """``x`` (n, m) with its last two dimensions exchanged, as `times_transposed` takes it fastest.

    Of brain floats oneDNN wants the first factor's rows side by side: putting them so costs less than it saves.
    """
    return x.mT.contiguous() if x.dtype == torch.bfloat16 and x.device.type == "cpu" else x.mT


def _onednn(a: Tensor, b: Tensor) -> bool:
    # The size first: on a CPU most products fail it, or none.
    if a.dim() != 2 or 2 * a.shape[0] * b.numel() < WORTH_FLOP or a.device.type != "cpu":
        return False
    return has_bf16() if a.dtype == torch.bfloat16 else a.dtype == torch.float32 and _takes_onednn
