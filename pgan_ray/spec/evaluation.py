"""Schema: how the harm of the poison is measured (the paper's Section 4)."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pgan_ray.registry import DEFENCES, DETECTORS, VICTIMS
from pgan_ray.spec.base import Part, repeated
from pgan_ray.spec.components import ComponentConfig, DefenceConfig, DetectorConfig, VictimConfig
from pgan_ray.spec.one_of import OneOf

PoisonFraction = Annotated[float, Field(ge=0, lt=1)]


class EvaluationSpec(Part):
    """The victims of one replicate: every poison fraction, `runs` times."""

    poison_fractions: list[PoisonFraction] = Field(
        min_length=1,
        description="Shares of poison, relative to the victim's whole genuine training set.",
    )
    placement: Literal["replace", "add"] = Field(
        default="replace",
        description="`replace`: poison replaces genuine points of the poison class, so class sizes stay the same; "
        "`add`: poison is added to them.",
    )
    runs: int = Field(default=10, ge=1, description="Victims per replicate and fraction, each on its own random split.")
    train_per_class: int = Field(default=500, ge=1, description="Training points of a victim, per class.")
    trusted_per_class: int = Field(
        default=500, ge=2, description="Trusted points per class, on which that class's detector is fitted."
    )
    poison_set_size: int = Field(
        default=2000,
        ge=1,
        description="Poisoning points sampled once from each generator. Runs draw theirs from this set.",
    )
    victim: Annotated[VictimConfig, OneOf(VICTIMS, {"name": "mlp"})] = Field(
        default_factory=lambda: VICTIMS.config("mlp")(), description="The classifier under attack."
    )
    detector: Annotated[DetectorConfig, OneOf(DETECTORS, {"name": "knn_distance"})] = Field(
        default_factory=lambda: DETECTORS.config("knn_distance")(),
        description="The outlier detector that filters the training set.",
    )
    defence: list[Annotated[DefenceConfig, OneOf(DEFENCES, {})]] = Field(
        default=[],
        description="Defences after the detector, in this order: more detectors, then sanitisers that drop or relabel "
        "points, and last a robust trainer. Each item is a section with a `name`. A grid lists whole pipelines.",
    )

    @property
    def components(self) -> tuple[ComponentConfig, ...]:
        """Who is attacked, and what filters."""
        return self.victim, self.detector, *self.defence

    @property
    def defence_name(self) -> str | None:
        """``slab+sphere``; None where there is no defence but the detector."""
        return "+".join(one.name for one in self.defence) or None

    def poison_count(self, fraction: float, classes: int) -> int:
        """Poisoning points in the training set of a victim of so many ``classes``."""
        return round(fraction * self.train_per_class * classes)

    def check_poison(self, key: str, has: int, classes: int) -> None:
        """See that a victim of so many ``classes`` finds its poison in what ``key`` ``has``. Raises `ValueError`."""
        needed = self.poison_count(max(self.poison_fractions), classes)
        if has < needed:
            raise ValueError(
                f"`{key}` must be at least {needed}, the number of poisoning points at the largest poison fraction, "
                f"got {has}"
            )

    @model_validator(mode="after")
    def _fits(self) -> "EvaluationSpec":
        if again := repeated("poison_fractions", self.poison_fractions):
            raise ValueError(f"`poison_fractions` must name each fraction once{again}")
        self.detector.check_evaluation(self)
        self.victim.check_evaluation(self)
        for index, one in enumerate(self.defence):
            one.check_evaluation(self)
            if one.component.ends and index < len(self.defence) - 1:
                raise ValueError(
                    f"`defence` must have `{one.name}`, which trains the victim, as its last item, got "
                    f"`{self.defence[index + 1].name}` after it"
                )
            if one.component.asks_victim and not self.victim.trains:
                raise ValueError(f"`victim` must be one that is trained, got `none`: the defence `{one.name}` needs it")
        return self
