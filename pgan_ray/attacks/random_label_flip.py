"""Label flipping: any points of the source class, with the poison class's label."""

from pgan_ray.attacks.taken_points import TakesPoints
from pgan_ray.registry import ATTACKS


@ATTACKS.register
class RandomLabelFlip(TakesPoints):
    """Relabels random points of the source class: the upper bound for an attack without a constraint."""

    name = "random_label_flip"
