"""Figures: what is drawn, as plain data (`charts`), and matplotlib, which draws it (`draw`) and nobody else imports.

Knows points, lines and colours, and no sweep.
"""

from pgan_ray.figures.backend import MATPLOTLIB  # before anything that imports it

__all__ = ["MATPLOTLIB"]
