"""Schema: which points there are, and which classes the attack is about."""

from typing import Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from pgan_ray.spec.base import Part, few, repeated

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
        description="For `path`: the values that become -1 and 1, the same for every feature. Null: 0 and 255 for "
        "bytes, and `scaling` for floats. Built-in images are always scaled to [-1, 1].",
    )
    scaling: Literal["min_max", "standard", "none"] | None = Field(
        default=None,
        description="For `path`: how each feature is scaled, by its training points: `min_max` to [-1, 1], `standard` "
        "to mean 0 and variance 1, `none`. Null: `min_max` for floats without a `value_range`; of images, (points, "
        "height, width), all pixels together.",
    )
    test_fraction: float = Field(
        default=0.2,
        gt=0,
        lt=1,
        description="Share of each class kept for testing, where the data has no test split of its own "
        "(`mnist-5k`, `digits`, files without one).",
    )

    judged_on: Literal["test", "validation"] = Field(
        default="test",
        description="`validation` holds `test_fraction` of each class's training points out and tests on these: choose "
        "settings by them, and look at the test split for what was chosen alone.",
    )

    split_seed: int | None = Field(
        default=None,
        ge=0,
        description="Draws the test split where the data has none of its own, the points held out for validation, and "
        "the points of `gaussians`. Null: the sweep's `seed`.",
    )

    @field_validator("value_range")
    @classmethod
    def _scales_in_float32(cls, ends: tuple[float, float] | None) -> tuple[float, float] | None:
        """Scaling subtracts the low end and divides by half the width: neither may overflow, nor the width vanish."""
        if ends is None:
            return None
        if ends[0] >= ends[1]:
            raise ValueError(f"must be [low, high] with low < high, got {list(ends)}")
        single = np.finfo(np.float32)
        width = ends[1] - ends[0]
        if max(abs(ends[0]), abs(ends[1]), width) > float(single.max) or width / 2 < float(single.tiny):
            raise ValueError(
                f"must have ends and a width that float32 can hold, {single.tiny:.1e} to {single.max:.1e}, "
                f"got {list(ends)}; store the features in another unit"
            )
        if np.float32(ends[0]) == np.float32(ends[1]):
            raise ValueError(f"must have ends that differ in float32, got {list(ends)}; shift the features towards 0")
        return ends

    @model_validator(mode="after")
    def _name_or_path(self) -> "DatasetSpec":
        if (self.name is None) == (self.path is None):
            raise ValueError("exactly one of `name` (a built-in data set) and `path` (your own file) must be given")
        if self.value_range is not None and self.path is None:
            raise ValueError("`value_range` goes with `path`: built-in data sets know their own range")
        if self.scaling is not None and self.path is None:
            raise ValueError("`scaling` goes with `path`: built-in data sets know their own")
        if self.scaling is not None and self.value_range is not None:
            raise ValueError("`scaling` and `value_range` must not both be given: either scales the features")
        return self

    @property
    def label(self) -> str:
        """The name that people read: the built-in name or the path; and whether it is judged on held-out points."""
        return f"{self.name or self.path}{' (validation)' if self.judged_on == 'validation' else ''}"


class TaskSpec(Part):
    """The classification task, in the data set's own class labels."""

    classes: list[int] = Field(
        min_length=2, description="The labels that are kept; all other points are left out of the task."
    )
    poison_class: int = Field(description="The label that poisoning points carry.")
    source_class: int = Field(description="The class whose error is meant to rise.")
    surrogate_classes: list[int] | None = Field(
        default=None,
        min_length=2,
        description="The classes that pGAN is trained on, C being the attacker's surrogate for a victim of all "
        "`classes` (Section 3.3, Fig. 6). Null: all of them.",
    )

    @model_validator(mode="after")
    def _labels_fit(self) -> "TaskSpec":
        for key in ("classes", "surrogate_classes"):
            labels = getattr(self, key) or self.classes
            if again := repeated(key, labels):
                raise ValueError(f"`{key}` must name each label once{again}")
            for role in ("poison_class", "source_class"):
                if getattr(self, role) not in labels:
                    raise ValueError(f"`{role}` must be one of `{key}` {few(labels)}, got {getattr(self, role)}")
        others = sorted(set(self.surrogate_classes or ()) - set(self.classes))
        if others:
            raise ValueError(f"`surrogate_classes` must be among `classes` {few(self.classes)}, got {few(others)}")
        if self.poison_class == self.source_class:
            raise ValueError("`source_class` must differ from `poison_class`")
        return self

    @property
    def labels(self) -> list[int]:
        """The classes in the order of the victims' labels 0, 1, ...: of two, the poison class is 1."""
        return self.classes if len(self.classes) > 2 else [self.source_class, self.poison_class]

    @property
    def surrogate(self) -> "TaskSpec":
        """The task that pGAN is trained on."""
        return self.model_copy(update={"classes": self.surrogate_classes or self.classes, "surrogate_classes": None})
