"""The report: one page on a sweep, or on several side by side, from directories alone. Last on the path.

Decides which figures and tables tell what a `study` holds; hands on one page that opens anywhere, with each of them as
a file beside it.
"""

from pgan_ray.report.write import write_comparison, write_report

__all__ = ["write_comparison", "write_report"]
