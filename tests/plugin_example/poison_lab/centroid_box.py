"""A detector: rejects points that leave the box in which most trusted points are."""

from typing import Any

import numpy as np

from pgan_ray.defences import ScoredDetector


class CentroidBox(ScoredDetector):
    """The largest distance to the mean in any one feature; the threshold is `percentile`'s."""

    name = "centroid_box"

    def fit_score(self, points: Any, random: np.random.Generator) -> Any:
        mean = points.mean(0)
        return lambda found: (found - mean).abs().amax(1)
