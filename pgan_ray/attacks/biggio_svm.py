"""The first bilevel attack: gradient ascent on a support vector machine's validation loss (Biggio et al. 2012)."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from pgan_ray.attacks.optimised import OptimisedAttack, OptimisedConfig
from pgan_ray.errors import DataError
from pgan_ray.registry import ATTACKS

if TYPE_CHECKING:
    from pgan_ray.cost import Work
    from pgan_ray.data import TaskData


class BiggioSvmConfig(OptimisedConfig):
    """Points climb the hinge loss of a linear support vector machine that is trained on them."""

    penalty: float = Field(default=1.0, gt=0, description="C: weight of the hinge losses relative to the margin.")


@ATTACKS.register
class BiggioSvm(OptimisedAttack):
    """Moves points along the gradient of a linear SVM's hinge loss on validation points, through its KKT conditions.

    Biggio, Nelson & Laskov 2012 (Algorithm 1): as a point moves, the support vectors on the margin
    change their weights so that the KKT conditions go on to hold. Steps have a given length, as there. All points
    move at once, where the source adds one after the other. Points without weight in the machine do not move.

    The attacker knows the training split, not which of its points a victim gets; the surrogate is scikit-learn's
    `SVC`, on a CPU in any case.
    """

    name = "biggio_svm"
    label = "SVM poisoning (Biggio)"
    Config = BiggioSvmConfig
    config: BiggioSvmConfig
    engine: ClassVar[str] = "pgan_ray.attacks.engines.svm:SvmPoints"
    metrics: ClassVar[tuple[str, ...]] = ("validation_hinge_loss", "support_vectors")

    def check_surrogate(self, task: "TaskData") -> None:
        """The machine tells two classes apart."""
        if len(task.classes) != 2:
            raise DataError(
                f"the attack `biggio_svm` must have a surrogate of two classes, got {len(task.classes)}: set "
                "`task.surrogate_classes` to the poison class and the source class"
            )
        super().check_surrogate(task)

    def iteration_work(self, features: int, classes: int) -> "Work":
        """The kernel between all points, the solver, which takes about ten times as much, and the KKT system."""
        from pgan_ray.cost import Work

        _, points = self._surrogate(features, classes)
        return Work(host_flop=22.0 * points**2 * features + points**3 / 3)
