"""What a data set is. Shapes: N points, F features; H, W the pixels of an image (F = H * W)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from pgan_ray.spec import Component, DatasetConfig
from pgan_ray.spec.seeds import Name, numpy_generator

if TYPE_CHECKING:
    from pgan_ray.cost import Points

Array = npt.NDArray[Any]
Scaling = Literal["min_max", "standard", "none"]


@dataclass(frozen=True, eq=False)
class RawDataset:
    """Points as a data set gives them, not yet checked, split or scaled.

    Test points that are None: of each class, the share `test_fraction` of the points is kept for testing.
    """

    features: Array
    """(N, F), or (N, H, W) of images: bytes (uint8), or numbers that float32 can hold."""
    labels: Array
    """(N,) integers, the data set's own class labels."""
    test_features: Array | None = None
    """As ``features``."""
    test_labels: Array | None = None
    """As ``labels``."""
    value_range: tuple[float, float] | None = None
    """The feature values that become -1 and 1, the same for every feature. None: 0 and 255 for bytes, else as
    ``scaling`` says."""
    scaling: Scaling | None = None
    """How each feature is scaled, by its training points: to [-1, 1], to mean 0 and variance 1, or not at all. None,
    for what has no value range: ``min_max``, of images that are no bytes all pixels together."""
    source: str = ""
    """Where the points came from, for people and for MLflow: ``package scikit-learn 1.7``. Empty: the class's path."""
    names: tuple[str, str, str, str] = ("features", "labels", "test_features", "test_labels")
    """What faults call the four arrays."""


def _silent(notice: str) -> None:
    """Nobody is listening."""


@dataclass(frozen=True)
class Loading:
    """What a data set is loaded with."""

    seed: int
    """The sweep's, or `split_seed`: generated points, and test splits, are drawn by it."""
    data_dir: Path | None = None
    """Where files are looked for first, as the user says."""
    progress: Callable[[str], None] = _silent
    """Takes one-line notices while files are downloaded."""
    may_download: bool = True
    """Else what is not on this machine is a `pgan_ray.data.DataAbsentError`."""

    def random(self, *names: Name) -> np.random.Generator:
        """The random stream ``names`` of the seed: the same bits whenever it is asked for."""
        return numpy_generator(self.seed, *names)


class DatasetLoader(Component):
    """A data set: gives labelled points."""

    Config: ClassVar[type[DatasetConfig]] = DatasetConfig
    usual_classes: ClassVar[tuple[int, int] | None] = None
    """The source and the poison class that `pgan-ray init` writes down; None: the two largest."""
    is_scaled: ClassVar[bool] = True
    """Whether its values come to lie in [-1, 1]: by it `pgan-ray init` chooses the generator's output."""
    class_names: ClassVar[Mapping[int, str]] = MappingProxyType({})
    """What people call the classes; the others go by their labels."""

    def __init__(self, config: DatasetConfig) -> None:
        self.config: Any = config

    @property
    def where(self) -> str:
        """How faults in the points begin."""
        return f"the data set `{self.name}`"

    @property
    def split_name(self) -> str:
        """Names the random stream of the test split."""
        return self.name

    def points(self) -> "Points | None":
        """How many points there are, where that is known without loading them; asked of the data sets that we ship."""
        return None

    def load(self, loading: Loading) -> RawDataset:
        """All points. The same ``loading`` gives the same ones."""
        raise NotImplementedError
