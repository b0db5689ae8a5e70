"""scikit-learn's RandomForestClassifier, for attacks that transfer."""

import math
from typing import TYPE_CHECKING, Any

from pgan_ray.registry import VICTIMS
from pgan_ray.victims.interface import SklearnVictim

if TYPE_CHECKING:
    from pgan_ray.cost import Work

TREES = 100
OF_A_POINT = 40  # operations for each point, candidate feature and level of a tree: sorting


@VICTIMS.register
class RandomForest(SklearnVictim):
    """scikit-learn's random forest with its defaults."""

    name = "random_forest"

    def estimator(self, random_state: int, points: int) -> Any:
        """scikit-learn's RandomForestClassifier."""
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(random_state=random_state)

    def work(self, features: int, classes: int, points: int, tested: int) -> "Work":
        """Of every tree and level."""
        from pgan_ray.cost import Work

        levels = math.log2(max(points, 2))
        return Work(host_flop=TREES * levels * (OF_A_POINT * math.sqrt(features) * points + 20.0 * tested))
