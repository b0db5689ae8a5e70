"""The arithmetic of matrix products."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def arithmetic(precision: str, device: torch.device) -> Iterator[None]:
    """Within: products of float32 in ``tf32`` if that is the ``precision``, on CUDA only; subnormals are zero.

    ``bf16`` is `Passes`' own affair. Subnormals slow a CPU down by orders of magnitude and carry nothing that the
    training needs.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("high" if precision == "tf32" and device.type == "cuda" else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
        torch.set_flush_denormal(False)
