"""What this machine does in a second: measured, on points that stand in for data.

`run_benchmark` compares the training engine with the machine's own matrix products and with plain PyTorch. `pace`
times the trials and batches of a sweep by their shapes, for `forecast`, and `kept` remembers what was found.
"""

from pgan_ray.bench.measure import Row, run_benchmark

__all__ = ["Row", "run_benchmark"]
