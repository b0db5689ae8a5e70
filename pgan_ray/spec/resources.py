"""Schema: what the two stages ask of the cluster."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pgan_ray.spec.base import Part

LEAST_GPU = 0.01
"""Of one GPU: more than a hundred processes that share it help nobody; Ray itself knows no less than 0.0001."""


class StageResources(Part):
    """What one actor of a stage asks Ray for."""

    cpu: float = Field(default=1.0, ge=0.1, le=10_000, description="CPUs of one actor, which is a process of its own.")
    gpu: float = Field(
        default=0.25,
        ge=0,
        le=1,
        description="Share of a GPU, 0 or at least 0.01; dropped where there is none. Stage 1: where trials are few, "
        "each asks for more, so that they spread over all GPUs.",
    )
    members_per_actor: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        default="auto",
        description="Networks that one actor trains as one stack, at most. Stage 1: replicates of a configuration; "
        "stage 2: victims of a replicate, fewer towards a sweep's end. `auto`: by device and memory.",
    )

    @model_validator(mode="after")
    def _gpu_is_some(self) -> "StageResources":
        if 0 < self.gpu < LEAST_GPU:
            raise ValueError(f"`gpu` must be 0 or at least {LEAST_GPU}, got {self.gpu:g}: each actor is a process")
        return self


class ResourcesSpec(Part):
    """Resources of both stages: how fast a sweep is, not what it studies."""

    trial: StageResources = Field(
        default=StageResources(), description="Stage 1: a trial trains a configuration's generators."
    )
    evaluator: StageResources = Field(default=StageResources(), description="Stage 2: an evaluator trains victims.")
    cpu_products: Literal["auto", "onednn", "pytorch"] = Field(
        default="auto",
        description="Whose matrix products of float32 CPUs take; they differ in the last bits. `auto`: by maker and "
        "flags of the processor where the sweep begins, for all its workers, also when it is resumed elsewhere.",
    )
    max_failures: int = Field(default=3, ge=0, description="Times that a lost trial or batch is tried again.")
    checkpoint_every_s: float = Field(default=120.0, gt=0, description="Seconds between two checkpoints of a trial.")
