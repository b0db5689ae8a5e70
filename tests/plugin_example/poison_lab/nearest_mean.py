"""A victim with scikit-learn's interface, which knows nothing of pgan-ray."""

import numpy as np


class NearestMean:
    """Classifies a point by the nearest mean of a class."""

    def __init__(self, power: float = 2.0) -> None:
        self.power = power

    def fit(self, x: np.ndarray, y: np.ndarray) -> "NearestMean":
        self.classes_ = np.unique(y)
        self.means_ = np.stack([x[y == label].mean(0) for label in self.classes_])
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        distance = (np.abs(x[:, None] - self.means_) ** self.power).sum(2)
        return self.classes_[distance.argmin(1)]
