"""Schema: which points there are, and which classes the attack is about."""

from typing import Literal

from pydantic import Field, model_validator

from pgan_ray.spec.base import Part

DatasetName = Literal["mnist", "fashion-mnist", "mnist-5k", "digits", "gaussians"]


class DatasetSpec(Part):
    """A built-in data set by name, or a user's own file by path (exactly one of both)."""

    name: DatasetName | None = Field(default=None, description="A built-in data set.")
    path: str | None = Field(
        default=None,
        min_length=1,
        description="Your own data, `.npz` or `.parquet`; relative paths start at the working directory.",
    )
    value_range: tuple[float, float] | None = Field(
        default=None,
        strict=False,
        description="For `path`: the feature values that become -1 and 1. Null: 0 and 255 for bytes, "
        "no scaling for floats. Built-in images are always scaled to [-1, 1].",
    )
    test_fraction: float = Field(
        default=0.2,
        gt=0,
        lt=1,
        description="Share of each class kept for testing, where the data has no test split of its own "
        "(`mnist-5k`, `digits`, files without one).",
    )

    @model_validator(mode="after")
    def _name_or_path(self) -> "DatasetSpec":
        if (self.name is None) == (self.path is None):
            raise ValueError("exactly one of `name` (a built-in data set) and `path` (your own file) must be given")
        if self.value_range is not None and self.path is None:
            raise ValueError("`value_range` goes with `path`: built-in data sets know their own range")
        if self.value_range is not None and self.value_range[0] >= self.value_range[1]:
            raise ValueError("`value_range` must be [low, high] with low < high")
        return self

    @property
    def label(self) -> str:
        """The name that people read: the built-in name, or the path."""
        return self.name or str(self.path)


class TaskSpec(Part):
    """The classification task, in the data set's own class labels."""

    classes: list[int] = Field(
        min_length=2, description="The labels that are kept; all other points are left out of the task."
    )
    poison_class: int = Field(description="The label that poisoning points carry.")
    source_class: int = Field(description="The class whose error is meant to rise.")

    @model_validator(mode="after")
    def _labels_fit(self) -> "TaskSpec":
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("`classes` must name each label once")
        for key in ("poison_class", "source_class"):
            if getattr(self, key) not in self.classes:
                raise ValueError(f"`{key}` must be one of `classes` {self.classes}, got {getattr(self, key)}")
        if self.poison_class == self.source_class:
            raise ValueError("`source_class` must differ from `poison_class`")
        return self
