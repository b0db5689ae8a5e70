"""Genuine points of the poison class that look like the source class to a network (Shafahi et al. 2018)."""

from typing import ClassVar, Literal

from pydantic import Field

from pgan_ray.attacks.optimised import FittedConfig, OptimisedAttack, OptimisedConfig, SurrogateSpec
from pgan_ray.registry import ATTACKS
from pgan_ray.spec.network import Width


class FeaturesSpec(SurrogateSpec):
    """A network, whose last hidden layer gives the features."""

    widths: list[Width] = Field(
        default=[128], description="Hidden layers, input side first. Empty: the features are the points themselves."
    )


class FeatureCollisionConfig(FittedConfig, OptimisedConfig):
    """Points of the poison class, moved to where a network's last hidden layer has points of the source class."""

    iterations: int = Field(default=100, ge=1, description="Steps of forward-backward splitting.")
    step_size: float = Field(
        default=0.1, gt=0, description="Size of the forward step, which reduces the distance between features."
    )
    similarity: float = Field(
        default=0.1,
        ge=0,
        description="beta: weight of the distance to a point's start, relative to the distance between features.",
    )
    surrogate: FeaturesSpec = Field(
        default=FeaturesSpec(), description="The attacker's own classifier, trained on genuine points."
    )


@ATTACKS.register
class FeatureCollision(OptimisedAttack):
    """Moves points of the poison class onto the source class in a surrogate's last hidden layer (clean labels).

    Poison Frogs (Shafahi et al. 2018, Algorithm 1): x minimises ||f(x) - f(t)||^2 + beta ||x - b||^2 by forward-
    backward splitting, where f is the last hidden layer, b a genuine point of the poison class and t one of the source
    class. There one test point is the target, and a network is fine-tuned; here each point has a target of its own,
    drawn from the source class, and harm is what all of them do together to a victim trained from the beginning.

    The attacker knows the training split and the kind of classifier; not which of these points a victim gets.
    """

    name = "feature_collision"
    Config = FeatureCollisionConfig
    config: FeatureCollisionConfig
    engine: ClassVar[str] = "pgan_ray.attacks.engines.collision:CollidingPoints"
    starts_at: ClassVar[Literal["source", "poison"]] = "poison"
    metrics: ClassVar[tuple[str, ...]] = ("feature_distance", "moved_distance")
