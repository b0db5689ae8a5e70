"""What a detector is. Shapes: T trusted points, N points, F features."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np
from pydantic import Field

from pgan_ray.defences.defence import Defence
from pgan_ray.errors import ContractError
from pgan_ray.spec import DetectorConfig

if TYPE_CHECKING:
    from torch import Tensor

Score = Callable[["Tensor"], "Tensor"]
Tails = Literal["upper", "both"]


class Fitted(Protocol):
    """An outlier detector of one class, already fitted on trusted points."""

    def reject(self, points: "Tensor") -> "Tensor":
        """Which of the ``points`` (N, F) are rejected: (N,) booleans."""


class Detector(Defence):
    """The base class of outlier detectors. One is fitted for each class, and filters the training set."""

    Config: ClassVar[type[DetectorConfig]] = DetectorConfig
    config: DetectorConfig

    def fit(self, trusted: "Tensor", random: np.random.Generator) -> Fitted:
        """Fit the detector on the ``trusted`` points (T, F) of one class, with all randomness from ``random``."""
        raise NotImplementedError

    def fit_among(self, trusted: "Tensor", others: Sequence["Tensor"], random: np.random.Generator) -> Fitted:
        """As `fit`, for a detector that compares classes. ``others``: the trusted points (T, F) of each other class."""
        return self.fit(trusted, random)

    def flop(self, features: int, trusted: int, points: int) -> float:
        """Roughly the operations to fit it on ``trusted`` points and to judge ``points``; batches are cut by it."""
        return 3.0 * features * trusted * points


class PercentileConfig(DetectorConfig):
    """A detector with a threshold."""

    percentile: float = Field(
        default=0.95,
        gt=0,
        lt=1,
        description="Share of genuine points that the threshold should keep, as a fraction (0.95, not 95).",
    )
    tails: Tails = Field(
        default="upper",
        description="`upper` rejects points that look too unusual, as in the paper. `both` splits the rejected share "
        "between the two tails, and so also rejects points that look too ordinary, as averaged or smoothed poison "
        "does.",
    )


class ScoredDetector(Detector):
    """Rejects points whose outlierness is above a quantile of that of trusted points held out from the fit."""

    Config = PercentileConfig
    config: PercentileConfig

    def fit(self, trusted: "Tensor", random: np.random.Generator) -> "FittedScore":
        """Fit `fit_score` on a random half of the ``trusted`` points (T, F).

        The threshold is a quantile of the scores of the other half, because scores of points that a detector was fitted
        on are too low.
        """
        return self._held_out(trusted, random, lambda half: self.fit_score(half, random))

    def _held_out(
        self, trusted: "Tensor", random: np.random.Generator, fit: Callable[["Tensor"], Score]
    ) -> "FittedScore":
        import torch

        order = torch.from_numpy(random.permutation(len(trusted)))
        half = len(trusted) // 2
        score = fit(trusted[order[:half]])
        held_out = trusted[order[half:]]
        return FittedScore(score, _scores(score, held_out), self.config)

    def fit_score(self, points: "Tensor", random: np.random.Generator) -> Score:
        """Fit a score on ``points`` (T, F): a function from points (N, F) to outlierness (N,), higher for outliers."""
        raise NotImplementedError


class ContrastDetector(ScoredDetector):
    """A `ScoredDetector` whose score compares a class with the others."""

    def fit_among(self, trusted: "Tensor", others: Sequence["Tensor"], random: np.random.Generator) -> "FittedScore":
        """As `fit`; all trusted points of the ``others`` are used. Raises `ValueError` if there are none."""
        if not others:
            raise ValueError(f"`{self.name}` must be given trusted points of another class too, got none")
        return self._held_out(trusted, random, lambda half: self.fit_score_among(half, others))

    def fit_score_among(self, points: "Tensor", others: Sequence["Tensor"]) -> Score:
        """As `fit_score`, given the trusted points (T, F) of each of the ``others`` too."""
        raise NotImplementedError


class FittedScore:
    """A score of outlierness, and the ``limits`` outside of which points are rejected."""

    def __init__(self, score: Score, held_out: "Tensor", config: PercentileConfig) -> None:
        """``held_out``: (H,) scores of genuine points that ``score`` was not fitted on. Raises `ContractError`."""
        if nans := int(held_out.isnan().sum()):
            raise ContractError(
                f"a score must be a number for each trusted point, got NaN for {nans} of {len(held_out)}: no "
                "point would be kept"
            )
        self.score, self._held_out, self._config = score, held_out, config
        self.limits = self._limits(config.tails)
        self._both = self._limits("both")

    def _limits(self, tails: Tails) -> "tuple[Tensor, Tensor]":
        import torch

        percentile = self._config.percentile
        if tails == "upper":
            return self._held_out.new_tensor(-math.inf), torch.quantile(self._held_out, percentile)
        tail = (1 - percentile) / 2
        return torch.quantile(self._held_out, tail), torch.quantile(self._held_out, 1 - tail)

    def scores(self, points: "Tensor") -> "Tensor":
        """(N,) outlierness of the ``points`` (N, F); infinite for points with values that are not finite."""
        # scikit-learn takes neither points that are no numbers nor no points at all.
        sound = points.isfinite().all(1)
        scores = self._held_out.new_full((len(points),), math.inf)
        if sound.any():
            scores[sound] = _scores(self.score, points[sound]).to(scores)
        return scores

    def outside(self, scores: "Tensor", *, both_tails: bool = False) -> "Tensor":
        """Which of the ``scores`` (N,) are rejected, or would be by a detector that looked at both tails."""
        low, high = self._both if both_tails else self.limits
        return ~((scores >= low) & (scores <= high))

    def reject(self, points: "Tensor") -> "Tensor":
        """(N,) booleans: whether a point's score is outside the limits, or not a number."""
        return self.outside(self.scores(points))


def _scores(score: Score, points: "Tensor") -> "Tensor":
    """(N,) the ``score`` of the ``points`` (N, F). Raises `ContractError`."""
    import torch

    found: Any = score(points)
    if isinstance(found, torch.Tensor) and found.shape == (len(points),) and not found.is_complex():
        return found.detach() if found.is_floating_point() else found.float()
    got = f"shape {tuple(found.shape)} and {found.dtype}" if hasattr(found, "dtype") else ""
    raise ContractError(
        f"a score must be a tensor of numbers, one for each of {len(points)} points, got {type(found).__qualname__}"
        f"{got and ' of '}{got}"
    )


def fit_detector(
    config: DetectorConfig, trusted: "Tensor", random: np.random.Generator, others: Sequence["Tensor"] = ()
) -> Fitted:
    """Fit the detector that a section of a sweep file describes on the ``trusted`` points (T, F) of one class.

    ``others``: the trusted points of each other class.
    """
    detector: Detector = config.make()
    return detector.fit_among(trusted, others, random)


def outlierness(model: Any, points: "Tensor") -> Score:
    """The score of an outlier detector of scikit-learn's that is fitted on ``points``: the reverse of its own."""
    import torch

    model.fit(points.numpy())
    return lambda found: -torch.from_numpy(np.asarray(model.score_samples(found.numpy()), dtype=np.float64))
