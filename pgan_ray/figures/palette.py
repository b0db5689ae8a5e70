"""Colours that mean the same in every figure of every report, told apart by colour-blind readers too."""

import itertools

# Plasma (perceptually even, monotone in lightness) without its yellow end, which is lost on white.
_ALPHA_STOPS = (
    (0.0, (13, 8, 135)),
    (0.25, (100, 0, 167)),
    (0.5, (185, 50, 137)),
    (0.75, (226, 92, 90)),
    (1.0, (240, 150, 50)),
)
# Okabe & Ito's colours, in an order that keeps neighbours apart.
CATEGORIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#444444", "#8C6D1F")
ATTACKS = {
    "nearest_label_flip": "#009E73",
    "random_label_flip": "#56B4E9",
    "smoothed_label_flip": "#CC79A7",
    "blend": "#8C6D1F",
    "influence": "#0072B2",
    "constrained": "#003F5C",
    "back_gradient": "#7A5195",
    "gradient_canceling": "#B03060",
    "biggio_svm": "#D55E00",
    "direct_generative": "#E69F00",
    "feature_collision": "#5E8C31",
    "none": "#767676",
    "removal": "#A0A0A0",
}

GENUINE, GENUINE_LIGHT = "#0072B2", "#56B4E9"
POISON, POISON_LIGHT = "#D55E00", "#E69F00"
"""Of points; the light ones where a second pair is drawn beside the first."""
GENUINE_TARGET = "#009E73"
"""Genuine points of the poison's class, where they are told from those of the source class."""

CLEAN, BOUNDARY = "#5A5A5A", "#000000"
POISONED = (POISON, "#E69F00", "#B14D7F")
"""Victims of the largest poison fraction, and of smaller ones."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", ":", "-.")


def alpha_colour(alpha: float) -> str:
    """The colour of one alpha in [0, 1]: dark where the attack is aggressive, light where it is cautious."""
    at = min(max(alpha, 0.0), 1.0)
    for (low, dark), (high, light) in itertools.pairwise(_ALPHA_STOPS):
        if at <= high:
            share = (at - low) / (high - low)
            mixed = (round(a + share * (b - a)) for a, b in zip(dark, light, strict=True))
            return "#" + "".join(f"{part:02x}" for part in mixed)
    raise AssertionError("at is at most 1")
