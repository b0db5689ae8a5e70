"""Checks to run on a component of your own. Where it breaks a rule, an `AssertionError` says what must hold.

Each check takes a class or a registered name, and the keys of its section as keyword arguments. An error that the
component itself raises is not caught.

from pgan_ray.testing import check_victim
check_victim(MyVictim, max_depth=3)
"""

from pgan_ray.testing.attacks import check_attack
from pgan_ray.testing.datasets import check_dataset
from pgan_ray.testing.defences import check_defence
from pgan_ray.testing.detectors import check_detector
from pgan_ray.testing.victims import check_victim

__all__ = ["check_attack", "check_dataset", "check_defence", "check_detector", "check_victim"]
