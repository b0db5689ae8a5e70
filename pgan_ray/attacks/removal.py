"""The control that `placement: replace` asks for: the replaced points are deleted, and nothing is put in."""

from typing import TYPE_CHECKING, ClassVar

from pgan_ray.attacks.interface import Attack, NoPoison
from pgan_ray.registry import ATTACKS
from pgan_ray.spec import AttackConfig, EvaluationSpec

if TYPE_CHECKING:
    from pgan_ray.data import TaskData


class RemovalConfig(AttackConfig):
    """Points of the poison class are deleted, nothing is put in."""

    def check_evaluation(self, evaluation: EvaluationSpec, classes: int) -> None:
        """Where poison comes on top of the genuine points, none of them go."""
        if evaluation.placement != "replace":
            raise ValueError(
                f"`evaluation.placement` must be `replace` for the control `removal`, got {evaluation.placement!r}: "
                "it deletes the points that poison replaces"
            )


@ATTACKS.register
class Removal(Attack):
    """A control: deletes the points that poison replaces. This is the effect of `placement: replace` by itself."""

    name = "removal"
    label = "removal (control)"
    Config = RemovalConfig
    is_control: ClassVar[bool] = True

    def fit(self, task: "TaskData") -> NoPoison:
        """There is nothing to fit."""
        return NoPoison(task)
