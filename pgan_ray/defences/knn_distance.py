"""The distance-based detector of Wu & Jermaine (2006), as Paudice et al. (2018a) and Section 4 use it."""

import numpy as np
import torch
from torch import Tensor


class KnnDistance:
    """Scores a point by its mean Euclidean distance to the nearest points of a sample of the trusted set."""

    def __init__(
        self,
        trusted: Tensor,
        *,
        neighbours: int,
        sample_size: int,
        percentile: float,
        random: np.random.Generator,
    ) -> None:
        """Sample ``sample_size`` (s) of the ``trusted`` points (N, F) without replacement.

        The threshold is the ``percentile`` quantile (a fraction, 0.95 in the paper) of the scores of the rest.
        """
        order = torch.from_numpy(random.permutation(len(trusted)))
        self._sample = trusted[order[:sample_size]]
        self._neighbours = neighbours
        self.threshold = torch.quantile(self.score(trusted[order[sample_size:]]), percentile)

    def score(self, points: Tensor) -> Tensor:
        """(N,) outlierness of the ``points`` (N, F): mean distance to the k nearest of the sample."""
        # The default shortcut through matrix products loses digits that decide at the threshold.
        distances = torch.cdist(points, self._sample, compute_mode="donot_use_mm_for_euclid_dist")
        return distances.topk(self._neighbours, dim=1, largest=False).values.mean(1)

    def reject(self, points: Tensor) -> Tensor:
        """(N,) booleans: whose score is above the threshold, or no number."""
        return ~(self.score(points) <= self.threshold)
