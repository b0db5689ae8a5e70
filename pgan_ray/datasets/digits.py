"""scikit-learn's small digits, which need no network."""

from typing import TYPE_CHECKING

import numpy as np

from pgan_ray.datasets.interface import DatasetLoader, Loading, RawDataset
from pgan_ray.registry import DATASETS

if TYPE_CHECKING:
    from pgan_ray.cost import Points

COUNTS = (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)
"""Points of each digit."""


@DATASETS.register
class Digits(DatasetLoader):
    """scikit-learn's 1,797 handwritten digits of 8 by 8 pixels."""

    name = "digits"
    usual_classes = (3, 5)

    def points(self) -> "Points":
        """All of them, less those for testing."""
        from pgan_ray.cost import carved

        return carved(64, COUNTS, self.config.test_fraction)

    def load(self, loading: Loading) -> RawDataset:
        """Images of the values 0 to 16, out of the installed package."""
        import sklearn
        from sklearn.datasets import load_digits

        features, labels = load_digits(return_X_y=True)
        return RawDataset(
            features.reshape(-1, 8, 8).astype(np.uint8),
            labels.astype(np.int64),
            value_range=(0.0, 16.0),
            source=f"package scikit-learn {sklearn.__version__}",
        )
