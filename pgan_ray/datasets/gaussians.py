"""The paper's synthetic task (Appendix B)."""

from typing import TYPE_CHECKING, Any

import numpy as np

from pgan_ray.datasets.interface import Array, DatasetLoader, Loading, RawDataset
from pgan_ray.registry import DATASETS

if TYPE_CHECKING:
    from pgan_ray.cost import Points

MEANS = ((2.5, -1.0), (0.5, 1.0))
"""The paper's Appendix B: the mean of class 0 and of class 1."""
COVARIANCES = (((0.8, 0.7), (0.7, 2.0)), ((1.0, 0.3), (0.3, 1.4)))
"""The paper's Appendix B: the covariance of class 0 and of class 1."""
TRAIN_PER_CLASS = 500
"""The paper's Appendix B."""
TEST_PER_CLASS = 1000
"""Ours: the paper does not say."""


@DATASETS.register
class Gaussians(DatasetLoader):
    """Two overlapping Gaussians in the plane (the paper's Appendix B), drawn again for each seed, not scaled."""

    name = "gaussians"
    usual_classes = (0, 1)
    is_scaled = False

    def points(self) -> "Points":
        """As many as the paper has."""
        from pgan_ray.cost import Points

        return Points(2, dict.fromkeys((0, 1), TRAIN_PER_CLASS), dict.fromkeys((0, 1), TEST_PER_CLASS))

    def load(self, loading: Loading) -> RawDataset:
        """Points of both classes, by ``loading``'s seed."""
        return RawDataset(
            *_draw(loading, "train", TRAIN_PER_CLASS),
            *_draw(loading, "test", TEST_PER_CLASS),
            scaling="none",
            source="generated",
        )


def _draw(loading: Loading, part: str, per_class: int) -> tuple[Array, Array]:
    features: list[Any] = []
    for label, (mean, covariance) in enumerate(zip(MEANS, COVARIANCES, strict=True)):
        random = loading.random("gaussians", part, label)
        # Cholesky, so that the bits do not depend on the signs that an SVD library happens to choose.
        features.append(random.multivariate_normal(mean, covariance, size=per_class, method="cholesky"))
    labels = np.repeat(np.arange(len(features), dtype=np.int64), per_class)
    return np.concatenate(features).astype(np.float32), labels
