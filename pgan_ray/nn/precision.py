"""The arithmetic of matrix products."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def arithmetic(precision: str, device: torch.device) -> Iterator[None]:
    """Within: products of float32 in ``tf32`` if that is the ``precision``, on CUDA only; subnormals are zero.

    Convolutions and recurrent layers too, which cuDNN else computes in TF32 unasked. ``bf16`` is `Passes`' own affair.
    Subnormals slow a CPU down by orders of magnitude and carry nothing that the training needs.
    """
    torch.set_flush_denormal(True)
    try:
        with _products("tf32" if precision == "tf32" and device.type == "cuda" else "ieee"):
            yield
    finally:
        torch.set_flush_denormal(False)


@contextmanager
def _products(of_float32: str) -> Iterator[None]:
    """Within: products, convolutions and recurrent layers of float32 so; after it as they were, whoever set them.

    PyTorch 2.9 has a setting for each library. Whoever uses it cannot use the older one for all any more: even to read
    that is an error. That of cuDNN is kept in step with the newer ones, since `torch.backends.cudnn.flags` reads it.
    """
    backends: Any = torch.backends
    if not hasattr(backends.cuda.matmul, "fp32_precision"):
        with _products_of_old(of_float32):
            yield
        return
    libraries: list[Any] = [backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn]
    libraries += [backends.mkldnn.matmul, backends.mkldnn.conv, backends.mkldnn.rnn]
    before, older = [library.fp32_precision for library in libraries], _older_of_cudnn()
    try:
        backends.cudnn.allow_tf32 = of_float32 == "tf32"
        for library in libraries:
            library.fp32_precision = of_float32
        yield
    finally:
        if older is not None:
            backends.cudnn.allow_tf32 = older
        for library, setting in zip(libraries, before, strict=True):
            library.fp32_precision = setting


def _older_of_cudnn() -> bool | None:
    """cuDNN's setting before PyTorch 2.9; None where somebody set the newer ones, so that it cannot be read."""
    try:
        return torch.backends.cudnn.allow_tf32
    except RuntimeError:
        return None


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
