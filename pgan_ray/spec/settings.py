"""Schema: one configuration of a sweep, every grid replaced by one of its values."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pgan_ray.registry import ATTACKS, DATASETS
from pgan_ray.spec.base import Part
from pgan_ray.spec.components import AttackConfig, ComponentConfig
from pgan_ray.spec.dataset import OWN_FILE, DatasetConfig, TaskSpec
from pgan_ray.spec.evaluation import EvaluationSpec
from pgan_ray.spec.names import NAME
from pgan_ray.spec.one_of import OneOf
from pgan_ray.spec.resources import ResourcesSpec
from pgan_ray.spec.search import SearchSpec

# What nobody asks for where the attack trains no generators.
_OF_TRAINED_ATTACKS = {("evaluation", "poison_set_size"), ("task", "surrogate_classes")}


class Settings(Part):
    """Everything that a sweep file says, for one configuration and one variant of its evaluation."""

    name: str = Field(
        pattern=f"^{NAME}$",
        description="Names the sweep in directories and in MLflow.",
    )
    description: str = Field(default="", description="One line for readers.")
    dataset: Annotated[DatasetConfig, OneOf(DATASETS, {"name": OWN_FILE})] = Field(description="The data set.")
    task: TaskSpec = Field(description="The classes, and which of them the attack is about.")
    attack: Annotated[AttackConfig, OneOf(ATTACKS, {"name": "pgan"})] = Field(
        description="The attack that makes the poison."
    )
    evaluation: EvaluationSpec = Field(description="How the harm of the poison is measured.")
    resources: ResourcesSpec = Field(default=ResourcesSpec(), description="What each stage requests from the cluster.")
    search: SearchSpec = Field(default=SearchSpec(), description="How configurations are chosen.")
    controls: bool = Field(
        default=True,
        description="With `evaluation.placement: replace`: whether to evaluate the control `removal` too. It deletes "
        "the points that poison replaces, puts nothing in their place, and trains no generators.",
    )
    precision: Literal["float32", "tf32", "bf16"] = Field(
        default="float32",
        description="Precision of training. `tf32` has an effect on GPUs only. `bf16` (weights stay in float32) works "
        "on GPUs and CPUs; on a CPU it pays only with hardware support and wide layers.",
    )
    seed: int = Field(default=0, ge=0, description="All random streams derive from it.")

    @model_validator(mode="after")
    def _poison_fits_its_class(self) -> "Settings":
        classes = len(self.task.classes)
        largest = max(self.evaluation.poison_fractions)
        if self.evaluation.placement == "replace" and largest > 1 / classes + 1e-9:
            raise ValueError(
                f"`evaluation.poison_fractions` must be at most 1/{classes}, got {largest}: poison replaces points "
                f"of the poison class, which is one of {classes} equal classes (`placement: add` has no such limit)"
            )
        self.attack.check_evaluation(self.evaluation, classes)
        return self

    @property
    def data_seed(self) -> int:
        """What the data set's split, and points that are generated, are drawn by."""
        return self.seed if self.dataset.split_seed is None else self.dataset.split_seed

    @property
    def dataset_key(self) -> str:
        """Names one data set of a sweep. The seed is part of it: it draws generated points and the test splits."""
        return f"{self.dataset.model_dump_json(exclude={'split_seed'})} seed {self.data_seed}"

    def without_poison(self, evaluation: EvaluationSpec) -> str:
        """What victims of ``evaluation`` depend on where there is no poison, beside their replicate and run."""
        of = f"{self.dataset_key} {self.task.model_dump_json(exclude={'surrogate_classes'})}"
        return f"{of} {evaluation.model_dump_json()} {self.precision} {self.seed}"

    @property
    def components(self) -> tuple[ComponentConfig, ...]:
        """What the points are, and who poisons them."""
        return self.dataset, self.attack

    def reads(self, path: tuple[str, ...]) -> bool:
        """Whether there is a field at ``path``, and it means something beside the others."""
        if not self.attack.is_trained and path in _OF_TRAINED_ATTACKS:
            return False
        node: object = self
        for key in path:
            if isinstance(node, Mapping):  # the value of a key of a component that is not ours
                if key not in node:
                    return False
                node = node[key]
                continue
            if not isinstance(node, Part) or (
                key not in type(node).model_fields and key not in (node.model_extra or {})
            ):
                return False
            if isinstance(node, ComponentConfig) and key in node.unread():
                return False
            node = getattr(node, key)
        return True
