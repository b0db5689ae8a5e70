"""Schema: what the two stages ask of the cluster."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pgan_ray.spec.base import Part

LEAST_GPU = 0.01
"""Of one GPU: more than a hundred processes that share it help nobody; Ray itself knows no less than 0.0001."""


class StageResources(Part):
    """What one actor of a stage asks Ray for."""

    cpu: float = Field(default=1.0, ge=0.1, le=10_000, description="CPUs per actor. Each actor is a separate process.")
    gpu: float = Field(
        default=0.25,
        ge=0,
        le=1,
        description="Share of a GPU per actor, 0 or at least 0.01; ignored without GPUs. Stage 1: if there are few "
        "trials, each requests more, so that they spread over all GPUs.",
    )
    members_per_actor: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        default="auto",
        description="Most networks that one actor trains as one stack. Stage 1: replicates of a configuration; stage "
        "2: victims of a replicate, fewer towards a sweep's end. `auto`: depends on device and memory.",
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
        description="Library for float32 matrix products on CPUs; results differ in the last bits. `auto`: chosen by "
        "the processor's vendor and flags where the sweep starts, for all workers, and kept on resuming elsewhere.",
    )
    max_failures: int = Field(default=3, ge=0, description="How often a lost trial or batch is retried.")
    checkpoint_every_s: float = Field(default=120.0, gt=0, description="Seconds between checkpoints of a trial.")
