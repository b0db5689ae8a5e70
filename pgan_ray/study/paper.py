"""What the paper states (Muñoz-González et al., Poisoning Attacks with Generative Adversarial Nets, 2019), as data.

Each `Statement` says where it stands, what is measured here, and the rule of its verdict. A measure is a weighted sum
of `Part`s: one number has one part, a change has two (+1 poisoned, -1 clean), a difference of changes four. With
``along``, the sum is taken at each value of an axis and its slope over them is judged.
"""

from dataclasses import dataclass, field
from typing import Literal

from pgan_ray.study.series import ALPHA, LAMBDA, TRAIN, Path

Family = Literal["mnist", "fmnist", "mnist-ten", "synthetic"]
Moment = Literal["clean", "most"] | float
"""At which poison fraction: none, the sweep's largest, or this one and no other."""

LAMBDA_PRIOR = 0.9  # on images, but for Fig. 4 left


@dataclass(frozen=True)
class Where:
    """Which series a statement is about, by what their settings hold; None leaves open."""

    families: tuple[Family, ...] = ()
    attack: str = "pgan"
    alpha: float | None = None
    alpha_from: float | None = None
    alpha_not: float | None = None
    lambda_prior: float | None = None
    percentile: float | None = 0.95
    next_alpha: bool = False  # of another series: it has the next larger alpha
    any_victim: bool = False  # else the paper's own
    papers_size: bool = False  # where a sweep varies the training points: the paper's number of them alone


@dataclass(frozen=True)
class Part:
    """``weight`` x ``rate`` of the series itself, or of the one that differs from it as ``other`` says.

    ``beyond``: less the same of its control, whose poison fraction is the same. Each control has a finding of its own.
    """

    weight: float
    rate: str
    at: Moment = "most"
    other: Where | None = None
    beyond: bool = False


@dataclass(frozen=True)
class Holds:
    """Compatible if the interval holds ``value``; with ``over``, agrees if it lies above.

    An interval that is wider to either side than half of the value tells nothing.
    """

    value: float
    over: bool = False


@dataclass(frozen=True)
class Sign:
    """Agrees if the one-sided interval is on the ``sign`` side of ``than``, differs if on the other."""

    sign: Literal[1, -1]
    than: float = 0.0


@dataclass(frozen=True)
class Within:
    """Agrees if the whole interval lies within ``tolerance`` of ``value``, differs if all of it lies outside."""

    value: float
    tolerance: float


Rule = Holds | Sign | Within


@dataclass(frozen=True)
class Along:
    """The slope over an axis, for each ``per`` of it; ``unit`` says so in words."""

    path: Path
    per: float
    unit: str


@dataclass(frozen=True)
class Statement:
    """One number or claim of the paper."""

    place: str
    says: str
    measure: str
    where: Where
    parts: tuple[Part, ...]
    rule: Rule
    along: Along | None = None
    pooled: bool = False  # one verdict on the mean over all series that match, instead of one each
    note: str = field(default="")


def rise(rate: str, weight: float = 1.0, other: Where | None = None, at: Moment = "most") -> tuple[Part, Part]:
    """Poisoned minus clean: what the paper's own numbers are."""
    return Part(weight, rate, at, other), Part(-weight, rate, "clean", other)


def effect(rate: str, weight: float = 1.0, at: Moment = "most") -> Part:
    """What the attack does beyond its controls."""
    return Part(weight, rate, at, beyond=True)


ERROR, FALSE_POSITIVE, FALSE_NEGATIVE = "test_error", "false_positive_rate", "false_negative_rate"
REJECTED_GENUINE, REJECTED_POISON = "rejected_genuine", "rejected_poison"
BINARY: tuple[Family, ...] = ("mnist", "fmnist")
MNIST: tuple[Family, ...] = ("mnist",)
FMNIST: tuple[Family, ...] = ("fmnist",)
TEN: tuple[Family, ...] = ("mnist-ten",)
IMAGES: tuple[Family, ...] = (*BINARY, *TEN)
PLANE: tuple[Family, ...] = ("synthetic",)
OVER_ALPHA = Along(ALPHA, 0.1, "per 0.1 of α")

_ALPHA = (
    Statement(
        "Fig. 2 left, Section 4",
        "MNIST 3 vs 5: without an attack 2.5 % of the test points are misclassified.",
        "test error, clean, mean over all series",
        Where(MNIST, papers_size=True),
        (Part(1, ERROR, "clean"),),
        Holds(0.025),
        pooled=True,
    ),
    Statement(
        "Fig. 2 left, Section 4",
        "MNIST: with 40 % poison of α 0.1 the error is above 12 %.",
        "test error at 40 % poison",
        Where(MNIST, alpha=0.1, lambda_prior=LAMBDA_PRIOR),
        (Part(1, ERROR, 0.4),),
        Holds(0.12, over=True),
    ),
    Statement(
        "Fig. 2 right, Section 4",
        "Fashion-MNIST: without an attack the error is 4.75 %.",
        "test error, clean, mean over all series",
        Where(FMNIST, papers_size=True),
        (Part(1, ERROR, "clean"),),
        Holds(0.0475),
        pooled=True,
    ),
    Statement(
        "Fig. 2, Section 4",
        "The attack is strongest at α 0.1, and more limited at larger α.",
        "test error of α 0.1 minus that of the next larger α, largest poison fraction",
        Where(BINARY, alpha=0.1, lambda_prior=LAMBDA_PRIOR),
        (Part(1, ERROR), Part(-1, ERROR, other=Where(next_alpha=True))),
        Sign(1),
    ),
    Statement(
        "Fig. 2, Section 4",
        "The error rises with the share of poison.",
        "test error beyond the control's, largest poison fraction",
        Where(BINARY, lambda_prior=LAMBDA_PRIOR),
        (effect(ERROR),),
        Sign(1),
        note="deleting the points that poison replaces raises the error too, and is no attack",
    ),
)

_LAMBDA = (
    Statement(
        "Fig. 4 left, Section 4",
        "With a small λ′ the attack does less.",
        "test error of λ′ 0.9 minus λ′ 0.1 at 20 % poison",
        Where(MNIST, lambda_prior=0.9),
        (Part(1, ERROR, 0.2), Part(-1, ERROR, 0.2, Where(lambda_prior=0.1))),
        Sign(1),
    ),
    Statement(
        "Fig. 4 left, Section 4",
        "The error grows with λ′ (the paper explores 0.1 to 1).",
        "slope of the test error over λ′ at 20 % poison",
        Where(MNIST),
        (Part(1, ERROR, 0.2),),
        Sign(1),
        along=Along(LAMBDA, 0.1, "per 0.1 of λ′"),
    ),
    Statement(
        "Fig. 4 left, Section 4",
        "Even with λ′ 1 the attack works.",
        "test error beyond the control's at 20 % poison, λ′ 1",
        Where(MNIST, lambda_prior=1.0),
        (effect(ERROR, at=0.2),),
        Sign(1),
    ),
    Statement(
        "Fig. 4 left, Section 4",
        "λ′ 1 is only slightly less effective than λ′ 0.9.",
        "half of what λ′ 0.9 does beyond the control, minus what is lost from there to λ′ 1, at 20 % poison",
        Where(MNIST, lambda_prior=0.9),
        (effect(ERROR, 0.5, at=0.2), Part(-1, ERROR, 0.2), Part(1, ERROR, 0.2, Where(lambda_prior=1.0))),
        Sign(1),
        note="our reading of slightly: less than half of the effect",
    ),
)

_DETECTION = (
    *(
        Statement(
            "Fig. 4 centre, Section 4",
            f"Of genuine points, {rejected} % are rejected at percentile {percentile:g}.",
            "genuine points rejected, mean over all α",
            Where(IMAGES, percentile=percentile, any_victim=True),
            (Part(1, REJECTED_GENUINE),),
            Holds(rejected / 100),
            pooled=True,
        )
        for percentile, rejected in ((0.95, 5), (0.9, 10))
    ),
    Statement(
        "Fig. 4 centre, Section 4",
        "With α of 0.1 and above, poison is rejected less than genuine points.",
        "poison rejected minus genuine rejected, largest poison fraction",
        Where(IMAGES, alpha_from=0.1, lambda_prior=LAMBDA_PRIOR, percentile=None, any_victim=True),
        (Part(1, REJECTED_POISON), Part(-1, REJECTED_GENUINE)),
        Sign(-1),
        note="by the paper's detector, which looks at the upper tail alone",
    ),
    Statement(
        "Fig. 4 centre, Section 4",
        "With α 0, too, not much of the poison is rejected.",
        "poison rejected, largest poison fraction",
        Where(MNIST, alpha=0.0, lambda_prior=LAMBDA_PRIOR, percentile=None, any_victim=True),
        (Part(1, REJECTED_POISON),),
        Sign(-1, 0.5),
        note="our reading of not much: less than half",
    ),
)

_FLIP = Where(MNIST, attack="nearest_label_flip")
_PGAN = Where(MNIST, alpha=0.1, lambda_prior=LAMBDA_PRIOR)
_FLIPPING = (
    Statement(
        "Fig. 5 left, Section 4",
        "pGAN (α 0.1) does more harm than flipping the labels of the nearest points.",
        "test error of pGAN minus nearest label flip, largest poison fraction",
        _PGAN,
        (Part(1, ERROR), Part(-1, ERROR, other=Where(attack="nearest_label_flip"))),
        Sign(1),
    ),
    Statement(
        "Fig. 5 centre, Section 4",
        "Label flipping raises the false positive rate (source taken for poison class).",
        "false positive rate beyond the control's, nearest label flip",
        _FLIP,
        (effect(FALSE_POSITIVE),),
        Sign(1),
    ),
    Statement(
        "Fig. 5 right, Section 4",
        "Label flipping raises the false negative rate as well.",
        "false negative rate beyond the control's, nearest label flip",
        _FLIP,
        (effect(FALSE_NEGATIVE),),
        Sign(1),
    ),
    Statement(
        "Fig. 5 centre, Section 4",
        "pGAN raises the false positive rate.",
        "false positive rate beyond the control's, pGAN α 0.1",
        _PGAN,
        (effect(FALSE_POSITIVE),),
        Sign(1),
    ),
    Statement(
        "Fig. 5 centre and right, Section 4",
        "pGAN is error-specific: it aims at the false positive rate alone.",
        "specificity: false positive rate beyond the control's, minus the same of the false negative rate",
        _PGAN,
        (effect(FALSE_POSITIVE), effect(FALSE_NEGATIVE, -1)),
        Sign(1),
    ),
)

_SIZE = (
    Statement(
        "Fig. 4 right, Section 4",
        "With more training points, the gap between poisoned and clean victims narrows.",
        "slope of the gap (error at the largest poison fraction beyond the control's) over training points",
        Where(MNIST, lambda_prior=LAMBDA_PRIOR),
        (effect(ERROR),),
        Sign(-1),
        along=Along(TRAIN, 1000, "per 1,000 points"),
    ),
)

_TEN = Where(TEN, alpha=0.1, lambda_prior=LAMBDA_PRIOR)
_TARGETED = (
    Statement(
        "Fig. 6 left, Section 4",
        "Ten classes: without an attack 1.1 % of the 3s are taken for 5s.",
        "3 taken for 5, clean",
        _TEN,
        (Part(1, FALSE_POSITIVE, "clean"),),
        Holds(0.011),
    ),
    Statement(
        "Fig. 6 left, Section 4",
        "With 4 % poison 13.1 % of the 3s are taken for 5s.",
        "3 taken for 5 at 4 % poison",
        _TEN,
        (Part(1, FALSE_POSITIVE, 0.04),),
        Holds(0.131),
    ),
    Statement(
        "Fig. 6 left, Section 4",
        "The overall error rises only slightly, compared with 3s taken for 5s.",
        "3 taken for 5 beyond the control's, minus the same of the overall error, at 4 %",
        _TEN,
        (effect(FALSE_POSITIVE, at=0.04), effect(ERROR, -1, at=0.04)),
        Sign(1),
    ),
    Statement(
        "Fig. 6 right, Section 4",
        "The detection rate of 3s falls by up to 11 points.",
        "change of the share of 3s that are recognised, clean to 4 %",
        _TEN,
        rise("source_recall", at=0.04),
        Holds(-0.11),
    ),
    Statement(
        "Fig. 6 right, Section 4",
        "The share of 3s taken for 5s rises by 12 points.",
        "rise of 3 taken for 5, clean to 4 %",
        _TEN,
        rise(FALSE_POSITIVE, at=0.04),
        Holds(0.12),
    ),
)

_SYNTHETIC = (
    Statement(
        "Fig. 7, Appendix B",
        "With α 0 the attack is very effective.",
        "rise of the test error from clean, α 0",
        Where(PLANE, alpha=0.0),
        rise(ERROR),
        Sign(1),
    ),
    Statement(
        "Fig. 7, Appendix B",
        "With α other than 0 the effect is very reduced.",
        "rise of the test error at α 0 minus the rise here",
        Where(PLANE, alpha_not=0.0),
        (*rise(ERROR, -1), *rise(ERROR, other=Where(alpha=0.0))),
        Sign(1),
    ),
    Statement(
        "Fig. 1, 7, Section 4",
        "With α 0 the poison lies far from the genuine points of its class.",
        "distance of the mean poison point from the mean genuine one: α 0 minus α 1",
        Where(PLANE, alpha=0.0),
        (Part(1, "poison_distance"), Part(-1, "poison_distance", other=Where(alpha=1.0))),
        Sign(1),
    ),
    Statement(
        "Fig. 1, Section 4",
        "As α falls, the poison moves to where both classes overlap.",
        "slope over α of the mean poison point's way towards the source class (0: own class's mean, 1: the other's)",
        Where(PLANE),
        (Part(1, "poison_shift"),),
        Sign(-1),
        along=OVER_ALPHA,
    ),
    Statement(
        "Fig. 1, Section 4",
        "With α 1 the poison matches the genuine points of its class, as in a standard GAN.",
        "the mean poison point's way towards the source class (0: own class's mean, 1: the other's)",
        Where(PLANE, alpha=1.0),
        (Part(1, "poison_shift"),),
        Within(0.0, 0.1),
        note="our reading of matches: within a tenth of the way",
    ),
)

STATEMENTS = (*_ALPHA, *_LAMBDA, *_DETECTION, *_FLIPPING, *_SIZE, *_TARGETED, *_SYNTHETIC)
"""In the order of the paper's figures."""
