"""The arithmetic of matrix products."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def arithmetic(precision: str, device: torch.device) -> Iterator[None]:
    """Within: products in ``float32``, ``tf32`` (on CUDA only) or ``bf16`` (autocast); subnormals are zero.

    Subnormals slow a CPU down by orders of magnitude and carry nothing that the training needs.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("high" if precision == "tf32" and device.type == "cuda" else "highest")
    try:
        # Autocast's cache of cast weights outlives the optimiser's steps: all forward passes would see the first ones.
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16", cache_enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
        torch.set_flush_denormal(False)
