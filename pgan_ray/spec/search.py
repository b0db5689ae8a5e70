"""Schema: how configurations are chosen."""

import itertools
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from pgan_ray.spec.base import Part

Harm = Literal["damage", "error"]
Metric = Literal["excess_rejection", "excess_rejection_both", "detector_auc"]


class DetectabilitySpec(Part):
    """How well a trial's poison is told from genuine points."""

    metric: Metric = Field(
        default="excess_rejection",
        description="`excess_rejection`: rejected share of the poison minus rejected share of genuine points; "
        "`excess_rejection_both`: the same with both tails of the detectors' scores; `detector_auc`: area under the "
        "detector's ROC curve for poison against genuine points.",
    )
    at_most: float = Field(
        default=0.01, ge=-1, le=1, description="With `worst_case`: the most detectability that a trial may have."
    )


class ConfirmSpec(Part):
    """How the best trials are evaluated again: with new random streams, on the points that `judged_on` selects."""

    top: int = Field(
        default=3,
        ge=1,
        le=1000,
        description="Number of trials to confirm. `worst_case`: the best; `front`: points of the front, its ends "
        "first.",
    )
    replicates: int = Field(default=5, ge=1, description="Generators per confirmed trial.")
    runs: int = Field(default=10, ge=1, description="Victims per generator and poison fraction.")


class SearchSpec(Part):
    """How configurations are chosen."""

    method: Literal["grid", "random", "tpe", "gp", "nsga2"] = Field(
        default="grid",
        description="`grid`: every combination of all grids. The others search the ranges and choices under `attack` "
        "(`{range: [low, high]}`, `{range: [low, high], log: true}`, `{choice: [a, b]}`): uniformly (`random`), or by "
        "a tree-structured Parzen estimator, a Gaussian process or a genetic algorithm. They need `pgan-ray[search]`.",
    )
    trials: int = Field(
        default=40,
        ge=1,
        le=100_000,
        description="Number of configurations that are tried; with `against: each`, for each variant.",
    )
    parallel: int = Field(
        default=4,
        ge=1,
        le=1000,
        description="Trials suggested at once, without each other's scores. It does not depend on the cluster, so "
        "that the search is the same on any.",
    )
    goal: Literal["worst_case", "front"] = Field(
        default="worst_case",
        description="`worst_case`: most harm with detectability of at most `detectability.at_most`; `front`: the "
        "trade-off between most harm and least detectability.",
    )
    harm: Harm = Field(
        default="damage",
        description="What trials maximise, beyond every control. `damage`: the share of the source class taken for "
        "the poison class; `error`: the test error.",
    )
    against: Literal["all", "each"] = Field(
        default="all",
        description="With grids under `evaluation`, such as defences. `all`: one attack against all variants; its "
        "harm is the mean over them, its detectability the largest. `each`: a search of `trials` against each "
        "variant, as by an attacker who knows it; the best of each are confirmed against all.",
    )
    poison_fraction: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="The poison fraction at which trials are judged, one of `evaluation.poison_fractions`. Null: the "
        "largest.",
    )
    detectability: DetectabilitySpec = Field(
        default=DetectabilitySpec(), description="What trials must keep low. It is 0 without a detector."
    )
    confirm: ConfirmSpec = Field(
        default=ConfirmSpec(),
        description="The best trials are trained and evaluated again, with new random streams. Only these are results.",
    )
    scheduler: Literal["none", "successive_halving"] = Field(
        default="none",
        description="Only with `worst_case`. `successive_halving`: the trials of a wave are trained up to a rung and "
        "judged by one victim per generator. A trial stops there unless it is among the best `keep` of all trials "
        "that have reached that rung so far.",
    )
    rungs: list[Annotated[float, Field(gt=0, lt=1)]] = Field(
        default=[0.25, 0.5],
        min_length=1,
        max_length=10,
        description="With a `scheduler`: the rungs, as rising shares of a trial's training.",
    )
    keep: float = Field(
        default=0.5,
        gt=0,
        lt=1,
        description="With a `scheduler`: the share of the trials that continue at a rung. 0.5: those above the median.",
    )
    start: list[dict[str, Any]] = Field(
        default=[],
        description="The first trials: values by name, such as `{alpha: 0.1}`. `method` chooses values that are left "
        "out.",
    )
    baseline: Literal["none", "random"] = Field(
        default="none",
        description="`random`: a random search with as many trials is run too, and its best are also confirmed.",
    )

    @property
    def is_on(self) -> bool:
        """Whether anything is searched."""
        return self.method != "grid"

    @property
    def stops_early(self) -> bool:
        """Whether trials may be stopped at rungs."""
        return self.scheduler != "none"

    @model_validator(mode="after")
    def _goes_together(self) -> "SearchSpec":
        others = [key for key in sorted(self.model_fields_set - {"method"}) if getattr(self, key) != _default(key)]
        if not self.is_on and others:
            raise ValueError(
                f"`{others[0]}` must be left out with `method: grid`, which tries every combination: delete it, or set "
                "a `method` that searches (random, tpe, gp, nsga2)"
            )
        if self.is_on and len(self.start) > self.trials:
            raise ValueError(f"`start` must have at most `trials` items ({self.trials}), got {len(self.start)}")
        if self.is_on and self.baseline == self.method:
            raise ValueError("`baseline` must differ from `method`, got `random` for both")
        if self.stops_early and self.goal != "worst_case":
            raise ValueError(f"`scheduler` must be `none` with `goal: {self.goal}`, got `{self.scheduler}`")
        if any(later <= earlier for earlier, later in itertools.pairwise(self.rungs)):
            raise ValueError(f"`rungs` must be strictly increasing, got {self.rungs}")
        unread = [key for key in ("rungs", "keep") if not self.stops_early and getattr(self, key) != _default(key)]
        if unread:
            raise ValueError(f"`{unread[0]}` must be left out with `scheduler: none`, which stops no trials")
        return self

    @model_serializer(mode="wrap")
    def _written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A grid has none of the other keys."""
        return handler(self) if self.is_on else {"method": self.method}


def _default(key: str) -> Any:
    return SearchSpec.model_fields[key].default
