"""MNIST: the paper's first data set."""

from typing import TYPE_CHECKING

from pgan_ray.datasets.idx_files import IdxLoader
from pgan_ray.registry import DATASETS

if TYPE_CHECKING:
    from pgan_ray.cost import Points

TRAIN = (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
TEST = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)


@DATASETS.register
class Mnist(IdxLoader):
    """MNIST: 70,000 handwritten digits of 28 by 28 pixels."""

    name = "mnist"
    usual_classes = (3, 5)

    def points(self) -> "Points":
        """As published."""
        from pgan_ray.cost import Points

        return Points(784, dict(enumerate(TRAIN)), dict(enumerate(TEST)))
