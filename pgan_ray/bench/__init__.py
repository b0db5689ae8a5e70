"""The benchmark: the training engine against the machine's own matrix products and against plain PyTorch.

Reads nothing of a sweep; `cli` prints what it measures.
"""

from pgan_ray.bench.measure import Row, run_benchmark

__all__ = ["Row", "run_benchmark"]
