"""The control without harm: genuine points of the poison class in poison's place."""

from typing import TYPE_CHECKING, ClassVar

from pgan_ray.attacks.taken_points import TakesPoints
from pgan_ray.registry import ATTACKS

if TYPE_CHECKING:
    from pgan_ray.data import TaskData


@ATTACKS.register
class NoAttack(TakesPoints):
    """A control: genuine points of the poison class."""

    name = "none"
    label = "genuine (control)"
    is_control: ClassVar[bool] = True

    def taken_label(self, task: "TaskData") -> int:
        """The poison class."""
        return task.poison_label
