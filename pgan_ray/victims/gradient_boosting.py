"""scikit-learn's histogram-based gradient boosting, for attacks that transfer."""

import math
from typing import TYPE_CHECKING, Any

from pydantic import Field

from pgan_ray.registry import VICTIMS
from pgan_ray.spec import VictimConfig
from pgan_ray.victims.interface import SklearnVictim

if TYPE_CHECKING:
    from pgan_ray.cost import Work

OF_A_POINT = 2  # operations for each point, feature and level of a tree: histograms, roughly


class GradientBoostingConfig(VictimConfig):
    """scikit-learn's HistGradientBoostingClassifier; what is not here has its defaults."""

    max_iter: int = Field(default=100, ge=1, description="Number of trees; with more than two classes, per class.")
    learning_rate: float = Field(default=0.1, gt=0, description="Learning rate (shrinkage) of each tree.")
    max_depth: int | None = Field(
        default=None, ge=1, description="Maximum depth of a tree. Null: limited only by its 31 leaves."
    )


@VICTIMS.register
class GradientBoosting(SklearnVictim):
    """scikit-learn's histogram-based gradient boosting."""

    name = "gradient_boosting"
    Config = GradientBoostingConfig
    config: GradientBoostingConfig

    def estimator(self, random_state: int, points: int) -> Any:
        """scikit-learn's HistGradientBoostingClassifier, without early stopping, which would set points aside."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(
            max_iter=self.config.max_iter,
            learning_rate=self.config.learning_rate,
            max_depth=self.config.max_depth,
            early_stopping=False,
            random_state=random_state,
        )

    def work(self, features: int, classes: int, points: int, tested: int) -> "Work":
        """Histograms of every tree and level."""
        from pgan_ray.cost import Work

        trees = self.config.max_iter * (1 if classes == 2 else classes)
        return Work(host_flop=trees * math.log2(31) * (OF_A_POINT * features * points + 10.0 * tested))
