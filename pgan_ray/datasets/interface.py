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
    """Points as a data set's `load` returns them, not yet checked, split or scaled.

    If test points are None, the share `test_fraction` of each class is held out for testing.
    """

    features: Array
    """(N, F), or (N, H, W) for images: bytes (uint8), or numbers that float32 can represent."""
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
    """How features are scaled by their training points: ``min_max`` to [-1, 1], ``standard`` to mean 0 and variance 1,
    ``none`` not at all. None: ``min_max`` if there is no value range, with one range for all pixels of images."""
    source: str = ""
    """Where the points came from, for people and for MLflow: ``package scikit-learn 1.7``. Empty: the class's path."""
    names: tuple[str, str, str, str] = ("features", "labels", "test_features", "test_labels")
    """What error messages call the four arrays."""


def _silent(notice: str) -> None:
    """Nobody is listening."""


@dataclass(frozen=True)
class Loading:
    """What a data set is loaded with."""

    seed: int
    """The sweep's `seed`, or `split_seed` if it is given. Generated points and test splits are drawn with it."""
    data_dir: Path | None = None
    """The directory that the user named, where files are looked for first."""
    progress: Callable[[str], None] = _silent
    """Takes one-line notices while files are downloaded."""
    may_download: bool = True
    """If False, files that are not on this machine raise `pgan_ray.data.DataAbsentError`."""

    def random(self, *names: Name) -> np.random.Generator:
        """A new generator for the random stream called ``names``: it gives the same numbers at every call."""
        return numpy_generator(self.seed, *names)


class DatasetLoader(Component):
    """The base class of data sets: a source of labelled points."""

    Config: ClassVar[type[DatasetConfig]] = DatasetConfig
    usual_classes: ClassVar[tuple[int, int] | None] = None
    """The source class and the poison class that `pgan-ray init` proposes. None: the two largest classes."""
    is_scaled: ClassVar[bool] = True
    """Whether its scaled values lie in [-1, 1]; `pgan-ray init` chooses the generator's output accordingly."""
    class_names: ClassVar[Mapping[int, str]] = MappingProxyType({})
    """Names of classes, by label, for people. Classes without one are called by their labels."""

    def __init__(self, config: DatasetConfig) -> None:
        self.config: Any = config

    @property
    def where(self) -> str:
        """How error messages about the points begin."""
        return f"the data set `{self.name}`"

    @property
    def split_name(self) -> str:
        """The name of the random stream that draws the test split."""
        return self.name

    def points(self) -> "Points | None":
        """The numbers of points, if known without loading them, else None. Only shipped data sets are asked."""
        return None

    def load(self, loading: Loading) -> RawDataset:
        """All points, the same at every call with the same ``loading``. Raises `DataError` if it has none."""
        raise NotImplementedError
