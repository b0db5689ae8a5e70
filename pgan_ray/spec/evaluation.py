"""Schema: how the harm of the poison is measured (the paper's Section 4)."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pgan_ray.spec.base import Part, repeated
from pgan_ray.spec.network import NetworkSpec

PoisonFraction = Annotated[float, Field(ge=0, lt=1)]


class VictimSpec(NetworkSpec):
    """The separate classifier that is trained on poisoned data (Tables 4 and 5)."""

    name: Literal["mlp", "logistic", "linear_svm", "random_forest", "knn", "none"] = Field(
        default="mlp",
        description="Kind of classifier. `mlp`: the paper's networks; `logistic`: logistic regression (softmax with "
        "more than two classes), which reads `optimizer`, `epochs` and `batch_size`; `linear_svm` (on standardised "
        "features), `random_forest` and `knn` are scikit-learn's with its defaults, for attacks that transfer; "
        "`none`: no victim is trained, detectors alone are measured.",
    )
    epochs: int = Field(default=2000, ge=1, description="Passes over the victim's training set.")
    batch_size: int = Field(default=200, ge=1, description="Points of one step.")


class DetectorSpec(Part):
    """The defender's outlier detector, one for each class, that filters the training set."""

    name: Literal["knn_distance", "local_outlier_factor", "isolation_forest", "one_class_svm", "sphere", "none"] = (
        Field(
            default="knn_distance",
            description="`knn_distance`: mean distance to the nearest of a sample of trusted points "
            "(Wu & Jermaine 2006); `sphere`: distance to the mean trusted point (Steinhardt et al. 2017); "
            "`local_outlier_factor`, `isolation_forest` and `one_class_svm` are scikit-learn's with its defaults; "
            "`none`: nothing is rejected. Those beside `knn_distance` are fitted on one half of the trusted points, "
            "and take their threshold from the other.",
        )
    )
    neighbours: int = Field(
        default=5, ge=1, description="For `knn_distance`: k, the nearest points that are averaged over."
    )
    sample_size: int = Field(
        default=20, ge=1, description="For `knn_distance`: s, trusted points sampled without replacement."
    )
    percentile: float = Field(
        default=0.95,
        gt=0,
        lt=1,
        description="Share of genuine points that the threshold is to keep: a fraction, 0.95 and not 95.",
    )

    @model_validator(mode="after")
    def _neighbours_fit(self) -> "DetectorSpec":
        if self.neighbours > self.sample_size:
            raise ValueError(f"`neighbours` must be at most `sample_size` ({self.sample_size}), got {self.neighbours}")
        return self


class EvaluationSpec(Part):
    """The victims of one replicate: every poison fraction, `runs` times."""

    poison_fractions: list[PoisonFraction] = Field(
        min_length=1,
        description="Poison as a share of the victim's whole genuine training set.",
    )
    placement: Literal["replace", "add"] = Field(
        default="replace",
        description="`replace`: poison takes the place of genuine points of the poison class, so that class sizes "
        "stay; `add`: it comes on top of them.",
    )
    runs: int = Field(default=10, ge=1, description="Independent splits and victims per replicate and fraction.")
    train_per_class: int = Field(default=500, ge=1, description="Victim training points of each class.")
    trusted_per_class: int = Field(
        default=500, ge=2, description="Trusted points of each class, on which its detector is fitted."
    )
    poison_set_size: int = Field(
        default=2000,
        ge=1,
        description="Poisoning points sampled once from each generator; runs draw from them.",
    )
    victim: VictimSpec = Field(default=VictimSpec(), description="Who is attacked.")
    detector: DetectorSpec = Field(default=DetectorSpec(), description="How the training set is filtered.")

    def poison_points(self, fraction: float, classes: int) -> int:
        """Poisoning points in the training set of a victim of so many ``classes``."""
        return round(fraction * self.train_per_class * classes)

    @model_validator(mode="after")
    def _fits(self) -> "EvaluationSpec":
        if again := repeated("poison_fractions", self.poison_fractions):
            raise ValueError(f"`poison_fractions` must name each fraction once{again}")
        if self.detector.name == "knn_distance" and self.detector.sample_size >= self.trusted_per_class:
            raise ValueError(
                "`detector.sample_size` must be less than `trusted_per_class` "
                f"({self.trusted_per_class}), got {self.detector.sample_size}: the threshold comes from the rest"
            )
        if self.detector.name == "local_outlier_factor" and self.trusted_per_class < 4:
            raise ValueError(
                f"`trusted_per_class` must be at least 4 for `local_outlier_factor`, got {self.trusted_per_class}: it "
                "compares points of one half with each other"
            )
        return self
