"""Schema: which points there are, and which classes the attack is about."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from pgan_ray.registry import DATASETS, Registry
from pgan_ray.spec.base import Part, few, repeated
from pgan_ray.spec.components import ComponentConfig
from pgan_ray.spec.grid import is_grid

OWN_FILE = "file"
"""The data set of a section that names none: a file of the user's."""
_KEYS_OF_OLD = ("name", "path", "value_range", "scaling")


class DatasetConfig(ComponentConfig):
    """Which points there are."""

    registry: ClassVar[Registry] = DATASETS

    test_fraction: float = Field(
        default=0.2,
        gt=0,
        lt=1,
        description="Share of each class held out for testing, if the data has no test split of its own (`mnist-5k`, "
        "`digits`, files without one).",
    )

    judged_on: Literal["test", "validation"] = Field(
        default="test",
        description="`validation` tests on `test_fraction` of each class's training points, which it holds out. "
        "Choose settings with it, and use the test split only for the settings that you chose.",
    )

    split_seed: int | None = Field(
        default=None,
        ge=0,
        description="Seed for a test split that the data lacks, for the points held out for validation, and for "
        "generated points (`gaussians`). Null: the sweep's `seed`.",
    )

    @property
    def known_as(self) -> str:
        """The name that people read: the data set's or the file's; and whether it is judged on held-out points."""
        return self._judged(self.name)

    def _judged(self, name: str) -> str:
        return f"{name} (validation)" if self.judged_on == "validation" else name


def check_value_range(ends: tuple[float, float]) -> None:
    """See that float32 can scale by these ``ends``: neither may the width overflow nor vanish. Raises `ValueError`."""
    if not ends[0] < ends[1]:
        raise ValueError(f"must be [low, high] with low < high, got {list(ends)}")
    single = np.finfo(np.float32)
    width = ends[1] - ends[0]
    if max(abs(ends[0]), abs(ends[1]), width) > float(single.max) or width / 2 < float(single.tiny):
        raise ValueError(
            f"must have ends and a width that float32 can represent ({single.tiny:.1e} to {single.max:.1e} in size), "
            f"got {list(ends)}; store the features in another unit"
        )
    if np.float32(ends[0]) == np.float32(ends[1]):
        raise ValueError(f"must have ends that differ in float32, got {list(ends)}; shift the features towards 0")


def of_today(tree: Mapping[str, Any]) -> dict[str, Any]:
    """``tree`` with the `dataset` section of an earlier version's, in which null stood for what a data set has not."""
    return {**tree, "dataset": section_of_today(tree["dataset"])} if "dataset" in tree else dict(tree)


def section_of_today(section: Any) -> Any:
    """That ``section`` alone."""
    if is_grid(section) and isinstance(section["grid"], list):
        return {"grid": [section_of_today(one) for one in section["grid"]]}
    if not isinstance(section, Mapping):
        return section
    given = {key: value for key, value in section.items() if value is not None or key not in _KEYS_OF_OLD}
    return {"name": OWN_FILE, **given} if "name" in section and "name" not in given and "path" in given else given


class TaskSpec(Part):
    """The classification task, in the data set's own class labels."""

    classes: list[int] = Field(min_length=2, description="The labels to use. All other points are left out.")
    poison_class: int = Field(description="The label of the poisoning points.")
    source_class: int = Field(description="The class whose error the attack aims to raise.")
    surrogate_classes: list[int] | None = Field(
        default=None,
        min_length=2,
        description="The classes that pGAN is trained on; its C is the attacker's surrogate for a victim of all "
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
            raise ValueError(f"`source_class` must differ from `poison_class`, got {self.poison_class} for both")
        return self

    @property
    def labels(self) -> list[int]:
        """The classes in the order of the victims' labels 0, 1, ...: of two, the poison class is 1."""
        return self.classes if len(self.classes) > 2 else [self.source_class, self.poison_class]

    @property
    def surrogate(self) -> "TaskSpec":
        """The task that pGAN is trained on."""
        return self.model_copy(update={"classes": self.surrogate_classes or self.classes, "surrogate_classes": None})
