"""No victim."""

from typing import TYPE_CHECKING, ClassVar

from pgan_ray.registry import VICTIMS
from pgan_ray.victims.interface import Victim

if TYPE_CHECKING:
    from pgan_ray.cost import Work


@VICTIMS.register
class NoVictim(Victim):
    """No victim is trained; only detectors are measured."""

    name = "none"
    label = "no victim"
    trains: ClassVar[bool] = False
    uses_gpu: ClassVar[bool] = False

    def work(self, features: int, classes: int, points: int, tested: int) -> "Work":
        """None."""
        from pgan_ray.cost import Work

        return Work()
