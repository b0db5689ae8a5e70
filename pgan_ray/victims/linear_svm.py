"""scikit-learn's LinearSVC, for attacks that transfer (Section 3.1: C is only the attacker's surrogate)."""

from typing import TYPE_CHECKING, Any

from pgan_ray.registry import VICTIMS
from pgan_ray.victims.interface import SklearnVictim

if TYPE_CHECKING:
    from pgan_ray.cost import Work

PASSES = 300  # of liblinear's over the training set, until it converges: roughly


@VICTIMS.register
class LinearSvm(SklearnVictim):
    """scikit-learn's linear support vector machine with its defaults, on standardised features."""

    name = "linear_svm"
    label = "linear SVM"

    def estimator(self, random_state: int, points: int) -> Any:
        """A pipeline with a scaler."""
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import LinearSVC

        # Unscaled pixels keep its solver from converging; constant ones stay as they are.
        return make_pipeline(StandardScaler(), LinearSVC(dual="auto", random_state=random_state, max_iter=5000))

    def work(self, features: int, classes: int, points: int, tested: int) -> "Work":
        """One machine for two classes, else one for each."""
        from pgan_ray.cost import Work

        machines = 1 if classes == 2 else classes
        return Work(host_flop=4.0 * features * machines * (PASSES * points + tested))
