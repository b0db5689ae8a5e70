"""The training engine, compared with the machine's own matrix products and with plain PyTorch, on random points."""

from pgan_ray.bench.measure import Row, run_benchmark

__all__ = ["Row", "run_benchmark"]
