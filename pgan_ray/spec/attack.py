"""Schema: the attack and the training of its generators (the paper's Section 3, Algorithm 1, Table 3)."""

from typing import Literal

from pydantic import Field, model_validator

from pgan_ray.spec.base import Part
from pgan_ray.spec.network import GeneratorSpec, NetworkSpec


class AttackSpec(Part):
    """pGAN, in which a generator plays against a discriminator and a classifier at once; or a baseline."""

    name: Literal["pgan", "nearest_label_flip", "random_label_flip", "none"] = Field(
        default="pgan",
        description="What makes the poison. `nearest_label_flip`: points of the source class, the nearest to the mean "
        "of the poison class first (Fig. 5); `random_label_flip`: any points of the source class, the upper bound; "
        "`none`: genuine points of the poison class, a control. These three train nothing and read only "
        "`replicates` of this section.",
    )
    alpha: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="For `pgan`, required: weight of the discriminator's loss in G's objective (eq. 3): 1 is a plain "
        "conditional GAN, 0 drops the detectability constraint.",
    )
    lambda_prior: float | None = Field(
        default=None,
        ge=0,
        description="For `pgan`, required: lambda / Pr(poison class), where lambda, at most 1, is the poison's weight "
        "in C's loss (eq. 2).",
    )
    replicates: int = Field(
        default=5,
        ge=1,
        description="Generators per configuration, each with its own seed; of a baseline, as many groups of runs.",
    )
    epochs: int | None = Field(
        default=None,
        ge=1,
        description="Training length in passes over the poison class's genuine points, each of "
        "ceil(points / batch_size) iterations. `pgan` asks for this or `iterations`.",
    )
    iterations: int | None = Field(
        default=None,
        ge=1,
        description="Training length in iterations of Algorithm 1. `pgan` asks for this or `epochs`.",
    )
    batch_size: int = Field(default=200, ge=2, description="m: points, and noise vectors, of one step.")
    discriminator_steps: int = Field(default=4, ge=1, description="i: steps of D in an iteration.")
    classifier_steps: int = Field(default=4, ge=1, description="j: steps of C in an iteration.")
    generator_steps: int = Field(default=1, ge=1, description="k: steps of G in an iteration.")
    label_smoothing: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="One-sided: the targets of genuine points are 1 minus this, for D and for C.",
    )
    generator_loss: Literal["algorithm1", "objective3"] = Field(
        default="algorithm1",
        description="`algorithm1`: C's loss enters G's step unweighted; `objective3`: weighted by lambda, as in "
        "eq. 2 and 3.",
    )
    sample_from: Literal["last", "average"] = Field(
        default="last", description="Sample poison from G's last weights, or from their moving average."
    )
    average_decay: float = Field(
        default=0.995,
        ge=0,
        lt=1,
        description="Decay of the moving average, for each of G's steps. Steps times (1 - decay) should be at least 3, "
        "or the average still holds untrained weights.",
    )
    generator: GeneratorSpec = Field(default=GeneratorSpec(), description="G.")
    discriminator: NetworkSpec = Field(default=NetworkSpec(), description="D.")
    classifier: NetworkSpec = Field(default=NetworkSpec(), description="C, the attacker's surrogate.")

    @model_validator(mode="after")
    def _pgan_is_told(self) -> "AttackSpec":
        if not self.is_trained:
            return self
        absent = [key for key in ("alpha", "lambda_prior") if getattr(self, key) is None]
        if absent:
            raise ValueError(f"`pgan` must be given {' and '.join(f'`{key}`' for key in absent)}")
        if (self.epochs is None) == (self.iterations is None):
            raise ValueError("exactly one of `epochs` and `iterations` must be given")
        return self

    @property
    def is_trained(self) -> bool:
        """Whether the attack trains generators; the others take their poison from the data."""
        return self.name == "pgan"

    @property
    def weights(self) -> tuple[float, float]:
        """alpha and lambda_prior of an attack that is trained."""
        assert self.alpha is not None  # the validator saw to both
        assert self.lambda_prior is not None
        return self.alpha, self.lambda_prior

    def resolve_iterations(self, poison_class_points: int) -> int:
        """Iterations of Algorithm 1 with ``poison_class_points`` genuine training points of the poison class."""
        if self.iterations is not None:
            return self.iterations
        assert self.epochs is not None  # the validator saw to it
        return self.epochs * -(-poison_class_points // self.batch_size)
