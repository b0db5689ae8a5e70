"""pGAN (Sections 3.2 and 3.3, Algorithm 1, Table 3): its keys, and its place among the attacks. `engines.pgan` trains.

Z noise features, R replicates: see there.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from pgan_ray.attacks.interface import Member, TrainedAttack
from pgan_ray.errors import DataError
from pgan_ray.registry import ATTACKS
from pgan_ray.spec import AttackConfig, GeneratorSpec, NetworkSpec

if TYPE_CHECKING:
    import torch

    from pgan_ray.attacks.engines.pgan import PGan
    from pgan_ray.cost import Work
    from pgan_ray.data import TaskData


class PGanConfig(AttackConfig):
    """A generator plays against a discriminator and a classifier at once."""

    alpha: float = Field(
        ge=0,
        le=1,
        description="Weight of the discriminator's loss in G's objective (eq. 3): 1 is a plain conditional GAN, 0 "
        "removes the detectability constraint.",
    )
    lambda_prior: float = Field(
        ge=0,
        description="lambda / Pr(poison class), where lambda, at most 1, is the poison's weight in C's loss (eq. 2).",
    )
    epochs: int | None = Field(
        default=None,
        ge=1,
        description="Training length in epochs, as `epoch` defines them. Give this or `iterations`.",
    )
    epoch: Literal["poison_class", "all_points", "consumed"] = Field(
        default="poison_class",
        description="Length of an epoch, which the paper leaves open. `poison_class`: ceil(points of the poison class "
        "/ `batch_size`) iterations; `all_points`: the same with the points of all classes; `consumed`: the "
        "iterations that use up the poison class's points, at `discriminator_steps` batches per iteration.",
    )
    iterations: int | None = Field(
        default=None,
        ge=1,
        description="Training length in iterations of Algorithm 1. Give this or `epochs`.",
    )
    batch_size: int = Field(default=200, ge=2, description="m: points, and noise vectors, per step.")
    discriminator_steps: int = Field(default=4, ge=1, description="i: steps of D per iteration.")
    classifier_steps: int = Field(default=4, ge=1, description="j: steps of C per iteration.")
    generator_steps: int = Field(default=1, ge=1, description="k: steps of G per iteration.")
    label_smoothing: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="One-sided: the targets of genuine points are 1 minus this, for D and for C.",
    )
    classifier_label_smoothing: float | None = Field(
        default=None, ge=0, lt=1, description="Label smoothing for C, if it differs from D's. Null: `label_smoothing`."
    )
    generator_loss: Literal["algorithm1", "objective3"] = Field(
        default="algorithm1",
        description="`algorithm1`: C's loss enters G's step unweighted; `objective3`: weighted by lambda, as in eq. 2 "
        "and 3.",
    )
    sample_from: Literal["last", "average"] = Field(
        default="last", description="Sample poison from G's last weights, or from their moving average."
    )
    sample_dropout: bool = Field(
        default=False, description="Keep G's dropout on while sampling poison, as code of the paper's time often did."
    )
    average_decay: float = Field(
        default=0.995,
        ge=0,
        lt=1,
        description="Decay of the moving average per step of G. Steps times (1 - decay) should be at least 3, or the "
        "average still contains untrained weights.",
    )
    generator: GeneratorSpec = Field(default=GeneratorSpec(), description="G.")
    discriminator: NetworkSpec = Field(default=NetworkSpec(), description="D.")
    classifier: NetworkSpec = Field(default=NetworkSpec(), description="C, the attacker's surrogate.")

    @model_validator(mode="after")
    def _has_a_length(self) -> "PGanConfig":
        if (self.epochs is None) == (self.iterations is None):
            got = "neither" if self.epochs is None else "both"
            raise ValueError(f"exactly one of `epochs` and `iterations` must be given, got {got}")
        return self

    def unread(self) -> frozenset[str]:
        """There is an average where poison is sampled from it, and epochs where the length is given in them."""
        unread = {"average_decay"} if self.sample_from == "last" else set()
        return frozenset(unread | ({"epoch"} if self.epochs is None else set()))


REACH = 1e-6
LIVE, OVER = 0.1, 0.05
"""C's loss on poison: from which on there is a game, and below which it is over; alpha has its full effect at 0.2."""


@ATTACKS.register
class PGanAttack(TrainedAttack):
    """A generator raises the loss of a classifier under a detectability constraint."""

    name = "pgan"
    label = "pGAN"
    Config = PGanConfig
    config: PGanConfig
    # Means over the iterations since the last report; of each iteration, its last step of D, C and G.
    metrics: ClassVar[tuple[str, ...]] = (
        "discriminator_loss",
        "classifier_loss",
        "generator_loss",
        "discriminator_score",
        "classifier_poison_loss",
    )

    def parameters(self) -> dict[str, float]:
        """The two weights."""
        return {"alpha": self.config.alpha, "lambda_prior": self.config.lambda_prior}

    def doubts(self, task: "TaskData") -> list[str]:
        """G's tanh ends at -1 and 1."""
        outside = float((task.poison_class_x.abs() > 1 + REACH).double().mean())
        if self.config.generator.output != "tanh" or outside == 0:
            return []
        return [
            f"the generator ends in tanh and cannot reach {outside:.0%} of the poison class's values, which lie "
            "outside [-1, 1]: set `dataset.scaling: min_max`, or `attack.generator.output: linear`"
        ]

    def health(self, metrics: Mapping[str, float]) -> str:
        """By C's loss on poison: where it is near 0, D alone moves G, whatever alpha is."""
        loss = metrics.get("classifier_poison_loss", LIVE)
        if loss >= LIVE:
            return ""
        state = "C tells nearly" if loss < OVER else "C tells much of"
        return (
            f"{state} all poison from genuine points of the source class (its loss on poison is {loss:.2f}, where it "
            f"should be {LIVE} or more): alpha {'hardly matters' if loss < OVER else 'matters less than it should'}"
        )

    def check_surrogate(self, task: "TaskData") -> None:
        """Lambda is a share of C's loss."""
        most = 1 / task.poison_prior
        if self.config.lambda_prior * task.poison_prior > 1:
            raise DataError(
                f"`attack.lambda_prior` must be at most {most:g}, so that lambda = lambda_prior * Pr(poison class) is "
                f"at most 1, got {self.config.lambda_prior:g}"
            )

    def iterations_of(self, points: int, of_all: int) -> int:
        """Iterations of Algorithm 1."""
        config = self.config
        if config.iterations is not None:
            return config.iterations
        assert config.epochs is not None  # the validator saw to it
        batch = config.batch_size
        passed = {"poison_class": (points, batch), "all_points": (of_all, batch)}
        amount, of_an_iteration = passed.get(config.epoch, (points, batch * config.discriminator_steps))
        return config.epochs * -(-amount // of_an_iteration)

    def train(self, members: Sequence[Member], task: "TaskData", *, device: "torch.device", precision: str) -> "PGan":
        """As `TrainedAttack.train`."""
        from pgan_ray.attacks.engines.pgan import PGan

        return PGan(self.config, members, task, device=device, precision=precision)

    def iteration_work(self, features: int, classes: int) -> "Work":
        """By counting."""
        from pgan_ray.attacks.engines import pgan_work

        return pgan_work.iteration_work(self.config, features, classes)

    def stored_numbers(self, features: int) -> int:
        """The weights of G."""
        from pgan_ray.attacks.engines import pgan_work

        return pgan_work.generator_weights(self.config, features)

    def stack_bytes(self, features: int, classes: int, members: int, poison_points: int) -> int:
        """By counting."""
        from pgan_ray.attacks.engines import pgan_work

        return pgan_work.stack_bytes(self.config, features, classes, members, poison_points)
