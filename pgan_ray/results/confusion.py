"""Mean confusion matrices: what kind of errors the victims of one point of a curve make."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Matrix = npt.NDArray[np.float64]
_KEYS = ("configuration", "variant", "poison_fraction")


@dataclass(frozen=True, eq=False)
class MeanConfusion:
    """Shares of each true class (row) that victims took for each class (column), (K, K): a mean over replicates."""

    configuration: str
    variant: str
    poison_fraction: float
    matrix: Matrix


def mean_confusions(rows: pa.Table) -> list[MeanConfusion]:
    """By configuration, variant and poison fraction, of the cells that have a matrix.

    As in `summarise`, the runs of one replicate are averaged first.
    """
    cells = rows.select([*_KEYS, "replicate", "confusion"]).to_pylist()
    found: dict[tuple[str, str, float], dict[int, list[Matrix]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        if cell["confusion"] is not None:
            counts = np.array(cell["confusion"], dtype=np.float64)
            shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
            found[cell["configuration"], cell["variant"], cell["poison_fraction"]][cell["replicate"]].append(shares)
    return [
        MeanConfusion(*key, np.mean([np.mean(runs, axis=0) for runs in by_replicate.values()], axis=0))
        for key, by_replicate in sorted(found.items())
    ]
