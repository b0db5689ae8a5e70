"""The arithmetic of matrix products."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def arithmetic(precision: str, device: torch.device) -> Iterator[None]:
    """Within: products of float32 in ``tf32`` if that is the ``precision``, on CUDA only; subnormals are zero.

    Convolutions too, which cuDNN else computes in TF32 unasked. ``bf16`` is `Passes`' own affair. Subnormals slow a CPU
    down by orders of magnitude and carry nothing that the training needs.
    """
    torch.set_flush_denormal(True)
    try:
        with _products("tf32" if precision == "tf32" and device.type == "cuda" else "ieee"):
            yield
    finally:
        torch.set_flush_denormal(False)


@contextmanager
def _products(of_float32: str) -> Iterator[None]:
    """Within: products and convolutions of float32 so; after it as they were, whoever set them, and however.

    PyTorch 2.9 has a setting for each library. Whoever uses it cannot use the older one for all any more: even to read
    that is an error.
    """
    backends: Any = torch.backends
    if not hasattr(backends.cuda.matmul, "fp32_precision"):
        with _products_of_old(of_float32):
            yield
        return
    libraries: list[Any] = [backends.cuda.matmul, backends.cudnn.conv, backends.mkldnn.matmul, backends.mkldnn.conv]
    before = [library.fp32_precision for library in libraries]
    try:
        for library in libraries:
            library.fp32_precision = of_float32
        yield
    finally:
        for library, setting in zip(libraries, before, strict=True):
            library.fp32_precision = setting


@contextmanager
def _products_of_old(of_float32: str) -> Iterator[None]:
    """As `_products`, before PyTorch 2.9."""
    before, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    try:
        torch.set_float32_matmul_precision("high" if of_float32 == "tf32" else "highest")
        torch.backends.cudnn.allow_tf32 = of_float32 == "tf32"
        yield
    finally:
        torch.set_float32_matmul_precision(before)
        torch.backends.cudnn.allow_tf32 = convolutions
