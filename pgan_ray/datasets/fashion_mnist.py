"""Fashion-MNIST: the paper's second data set."""

from types import MappingProxyType
from typing import TYPE_CHECKING

from pgan_ray.datasets.idx_files import IdxLoader
from pgan_ray.registry import DATASETS

if TYPE_CHECKING:
    from pgan_ray.cost import Points

CLASSES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")


@DATASETS.register
class FashionMnist(IdxLoader):
    """Fashion-MNIST: 70,000 pictures of clothes, 28 by 28 pixels."""

    name = "fashion-mnist"
    usual_classes = (7, 9)
    class_names = MappingProxyType(dict(enumerate(CLASSES)))

    def points(self) -> "Points":
        """As published."""
        from pgan_ray.cost import Points

        return Points(784, dict.fromkeys(range(10), 6000), dict.fromkeys(range(10), 1000))
