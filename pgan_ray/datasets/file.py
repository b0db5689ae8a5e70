"""A user's own data set, out of one file."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from pgan_ray.datasets.interface import DatasetLoader, Loading, RawDataset
from pgan_ray.errors import DataError
from pgan_ray.registry import DATASETS
from pgan_ray.spec import DatasetConfig
from pgan_ray.spec.dataset import check_value_range


class FileConfig(DatasetConfig):
    """One file of points."""

    path: str = Field(
        min_length=1,
        description="Your own data (`.npz`, `.parquet` or `.csv`). Relative paths start at the working directory.",
    )
    value_range: tuple[float, float] | None = Field(
        default=None,
        strict=False,
        description="The values that become -1 and 1, the same for every feature. Null: 0 and 255 for bytes; "
        "`scaling` for floats.",
    )
    scaling: Literal["min_max", "standard", "none"] | None = Field(
        default=None,
        description="Scaling of each feature, computed on the training points: `min_max` to [-1, 1], `standard` to "
        "mean 0 and variance 1, `none`. Null: `min_max` for floats without a `value_range`, over all pixels together "
        "for images (points, height, width).",
    )

    @field_validator("value_range")
    @classmethod
    def _scales_in_float32(cls, ends: tuple[float, float] | None) -> tuple[float, float] | None:
        if ends is not None:
            check_value_range(ends)
        return ends

    @model_validator(mode="after")
    def _one_scale(self) -> "FileConfig":
        if self.scaling is not None and self.value_range is not None:
            raise ValueError(
                "`scaling` and `value_range` must not both be given, because each says how features are scaled"
            )
        return self

    @property
    def known_as(self) -> str:
        """The path; and whether it is judged on held-out points."""
        return self._judged(self.path)


@DATASETS.register
class File(DatasetLoader):
    """Your own points, in an `.npz`, `.parquet` or `.csv` file."""

    name = "file"
    Config = FileConfig

    @property
    def where(self) -> str:
        """The path."""
        from pgan_ray.data.files import shown, user_path

        return shown(user_path(self.config.path))

    @property
    def split_name(self) -> str:
        """The file's name: the split stays when the file is moved, or named by another path."""
        return Path(self.config.path).name

    def load(self, loading: Loading) -> RawDataset:
        """The points in the file.

        Raises:
            DataError: the file is missing or damaged, or breaks a rule; the message names file, rule and value.
        """
        from pgan_ray.data.comma_separated import read_csv
        from pgan_ray.data.files import exists, open_regular, shown, user_path
        from pgan_ray.data.npz import read_npz
        from pgan_ray.data.parquet import read_parquet

        path, where = user_path(self.config.path), self.where
        readers = {".npz": read_npz, ".parquet": read_parquet, ".csv": read_csv}
        reader = readers.get(path.suffix.lower())
        if reader is None:
            raise DataError(f"{where}: must end in {', '.join(readers)}, got {shown(path.suffix) or 'no extension'}")
        if not exists(path):
            raise DataError(
                f"{where}: must be a file that exists, got no such file; relative paths start at {shown(Path.cwd())}"
            )
        with open_regular(path) as stream:
            try:
                train, test = reader(stream, where)
            except OSError as error:
                raise DataError(f"{where}: must be readable, got {error.strerror or error}") from error
        return RawDataset(
            train.features,
            train.labels,
            None if test is None else test.features,
            None if test is None else test.labels,
            value_range=self.config.value_range,
            scaling=self.config.scaling,
            source=f"file {path.resolve()}",
            names=(
                train.features_name,
                train.labels_name,
                "test_features" if test is None else test.features_name,
                "test_labels" if test is None else test.labels_name,
            ),
        )
