"""A sweep's figures and its comparison with the paper and with other sweeps, from directories alone. Last on the path.

Reads what `results` holds; hands on one page that opens anywhere, with every figure and table as files beside it.
"""

from pgan_ray.report.backend import MATPLOTLIB  # before anything that imports it
from pgan_ray.report.write import write_comparison, write_report

__all__ = ["MATPLOTLIB", "write_comparison", "write_report"]
