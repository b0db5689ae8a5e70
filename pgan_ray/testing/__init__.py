"""Contracts of components, to run on a class of your own: an `AssertionError` says what must hold.

from pgan_ray.testing import check_victim
check_victim(MyVictim, max_depth=3)
"""

from pgan_ray.testing.attacks import check_attack
from pgan_ray.testing.datasets import check_dataset
from pgan_ray.testing.defences import check_defence
from pgan_ray.testing.detectors import check_detector
from pgan_ray.testing.victims import check_victim

__all__ = ["check_attack", "check_dataset", "check_defence", "check_detector", "check_victim"]
