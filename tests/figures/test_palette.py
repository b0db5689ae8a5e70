"""One alpha, one colour."""

import itertools

from pgan_ray.figures.palette import ATTACKS, CATEGORIES, alpha_colour

USUAL = (0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 1)


def lightness(colour: str) -> float:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_alphas_differ_and_grow_lighter_so_that_order_is_seen_without_hues() -> None:
    shades = [lightness(alpha_colour(alpha)) for alpha in USUAL]
    assert shades == sorted(shades)
    assert all(b - a > 4 for a, b in itertools.pairwise(shades))
    assert shades[-1] < 180  # readable on white


def test_the_same_alpha_has_the_same_colour_always() -> None:
    assert alpha_colour(0.1) == "#300594"  # in reports that are out already
    assert alpha_colour(1) == alpha_colour(1.0) == alpha_colour(7)
    assert alpha_colour(0) == alpha_colour(-1) == "#0d0887"


def test_baselines_are_not_taken_for_an_alpha() -> None:
    alphas = {alpha_colour(alpha / 20) for alpha in range(21)}
    assert not alphas & {*ATTACKS.values(), *CATEGORIES}
