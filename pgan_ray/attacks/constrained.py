"""The bilevel attack that stays within two of the defences that it expects (Koh, Steinhardt & Liang 2018)."""

from typing import ClassVar

from pydantic import Field

from pgan_ray.attacks.influence import Influence, InfluenceConfig
from pgan_ray.registry import ATTACKS


class ConstrainedConfig(InfluenceConfig):
    """As `influence`, with points held within the sphere and the slab of the poison class."""

    percentile: float = Field(
        default=0.9,
        gt=0,
        le=1,
        description="Share of the poison class's genuine points that lie inside the sphere, and inside the slab.",
    )


@ATTACKS.register
class Constrained(Influence):
    """The influence attack, with each step projected onto the region that a sphere and a slab accept.

    The influence attack of Koh, Steinhardt & Liang 2018, with the feasible set of two of their defences: points whose
    distance to the mean of the poison class, and whose distance along the line through the two classes' means,
    are below a percentile of its genuine points'. Of K classes the slab's other mean is that of the source class.

    The attacker knows what `influence` does, and the kind of the defence; centres and widths come from the training
    split, of which the defender's trusted points are a part.
    """

    name = "constrained"
    Config = ConstrainedConfig
    config: ConstrainedConfig
    engine: ClassVar[str] = "pgan_ray.attacks.engines.feasible:FeasiblePoints"
