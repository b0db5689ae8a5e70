"""Activation clustering (Chen et al. 2018, Algorithms 1 and 2)."""

import warnings

import numpy as np
import numpy.typing as npt
from pydantic import Field

from pgan_ray.defences.defence import Sanitised, Sanitiser, Suspects
from pgan_ray.registry import DEFENCES
from pgan_ray.spec import DefenceConfig


class ActivationClusteringConfig(DefenceConfig):
    """Drops the smaller of two clusters of the victim's activations."""

    components: int = Field(
        default=10, ge=1, description="Independent components (ICA) that activations are reduced to."
    )
    largest_share: float = Field(
        default=0.35,
        gt=0,
        lt=0.5,
        description="The smaller cluster of a class is dropped if it has at most this share of the class's points. "
        "Two clusters of similar size are taken for genuine points.",
    )


@DEFENCES.register
class ActivationClustering(Sanitiser):
    """Splits each class's activations in the victim's last hidden layer in two, and drops a small cluster (Chen 2018).

    scikit-learn's FastICA and KMeans; poison is told by its cluster's size relative to its class. The victim is then
    trained anew on the rest.
    """

    name = "activation_clustering"
    Config = ActivationClusteringConfig
    config: ActivationClusteringConfig
    asks_victim = True

    def sanitise(self, suspects: Suspects, random: np.random.Generator) -> Sanitised:
        """Of each class, one cluster is dropped or none."""
        import torch

        activations = suspects.ask(suspects.x, suspects.y, suspects.x).representation.double().numpy()
        kept = torch.ones(len(suspects.x), dtype=torch.bool)
        for label in range(suspects.classes):
            seed = int(random.integers(2**31))
            rows = (suspects.y == label).nonzero().squeeze(1)
            cluster = self._clusters(activations[rows.numpy()], seed)
            sizes = np.bincount(cluster, minlength=2)
            smaller = int(sizes.argmin())
            if 0 < sizes[smaller] <= self.config.largest_share * len(rows):
                kept[rows[torch.from_numpy(cluster == smaller)]] = False
        return Sanitised(kept, suspects.y.clone())

    def _clusters(self, activations: npt.NDArray[np.float64], seed: int) -> npt.NDArray[np.int64]:
        """0 or 1 of each of the ``activations`` (N, D); all 0 where there is nothing to split."""
        from sklearn.cluster import KMeans
        from sklearn.decomposition import FastICA

        rank = int(np.linalg.matrix_rank(activations - activations.mean(0))) if len(activations) > 2 else 0
        if not rank:
            return np.zeros(len(activations), dtype=np.int64)
        components = min(self.config.components, rank)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that components have not settled: clusters need no last digits of them
            ica = FastICA(components, whiten="unit-variance", whiten_solver="svd", random_state=seed)
            found = KMeans(2, n_init=10, random_state=seed).fit_predict(ica.fit_transform(activations))
        return np.asarray(found, dtype=np.int64)

    def flop(self, features: int, trusted: int, points: int) -> float:
        """A singular value decomposition of the activations, and passes of both methods over the components."""
        return 4.0 * points * features * min(points, features) + 20_000.0 * points * self.config.components
