"""scikit-learn's classifiers as victims, for attacks that transfer (Section 3.1: C is only the attacker's surrogate).

Shapes: N training points, T test points, F features, K classes.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from pgan_ray.spec.seeds import numpy_generator


def predict_with(name: str, x: Tensor, y: Tensor, test_x: Tensor, seed: int) -> Tensor:
    """(T,) labels of the points ``test_x`` (T, F) by the classifier ``name``, trained on ``x`` (N, F), ``y`` (N,)."""
    labels = torch.unique(y)
    if len(labels) == 1:
        # Detectors and poison can leave one class alone; not every classifier takes that.
        return torch.full((len(test_x),), int(labels))
    model = _model(name, int(numpy_generator(seed, "transfer", name).integers(2**31)), len(x))
    model.fit(x.numpy(), y.numpy())
    return torch.from_numpy(model.predict(test_x.numpy()).astype(np.int64))


def _model(name: str, random_state: int, points: int) -> Any:
    # Imported here: the paper's victims do without, and a worker starts sooner.
    if name == "linear_svm":
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import LinearSVC

        # Unscaled pixels keep its solver from converging; constant ones stay as they are.
        return make_pipeline(StandardScaler(), LinearSVC(random_state=random_state, max_iter=5000))
    if name == "random_forest":
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(random_state=random_state)
    if name == "knn":
        from sklearn.neighbors import KNeighborsClassifier

        return KNeighborsClassifier(n_neighbors=min(5, points))  # its default, as far as there are points
    raise ValueError(f"a victim of scikit-learn must be linear_svm, random_forest or knn, got {name!r}")
