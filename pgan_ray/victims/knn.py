"""scikit-learn's KNeighborsClassifier, for attacks that transfer."""

from typing import TYPE_CHECKING, Any

from pgan_ray.registry import VICTIMS
from pgan_ray.victims.interface import SklearnVictim

if TYPE_CHECKING:
    from pgan_ray.cost import Work


@VICTIMS.register
class Knn(SklearnVictim):
    """scikit-learn's k-nearest neighbours with its defaults (k = 5)."""

    name = "knn"
    label = "nearest neighbours"

    def estimator(self, random_state: int, points: int) -> Any:
        """scikit-learn's KNeighborsClassifier."""
        from sklearn.neighbors import KNeighborsClassifier

        return KNeighborsClassifier(n_neighbors=min(5, points))  # its default, as far as there are points

    def work(self, features: int, classes: int, points: int, tested: int) -> "Work":
        """All distances."""
        from pgan_ray.cost import Work

        return Work(host_flop=2.0 * features * points * tested)
