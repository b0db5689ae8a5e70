"""The files of MNIST and Fashion-MNIST: names, shapes, SHA-256 sums, and where they are kept in public."""

from dataclasses import dataclass
from pathlib import Path

from pgan_ray.data.idx import IdxFile


@dataclass(frozen=True)
class IdxDataset:
    """A data set of four IDX files and the places that hold them."""

    name: str
    files: tuple[IdxFile, IdxFile, IdxFile, IdxFile]
    """Training images, training labels, test images, test labels."""
    folders: tuple[str, ...]
    """Where the files may lie under a data directory: ours, then torchvision's layout."""
    mirrors: tuple[str, ...]
    """Addresses, each ending in a slash, tried in this order."""
    system_folders: tuple[Path, ...] = ()
    """Where an operating system's package puts the files."""


def _files(title: str, *sums: str) -> tuple[IdxFile, IdxFile, IdxFile, IdxFile]:
    train_images, train_labels, test_images, test_labels = sums
    return (
        IdxFile("train-images-idx3-ubyte", f"{title} training images", (60000, 28, 28), train_images),
        IdxFile("train-labels-idx1-ubyte", f"{title} training labels", (60000,), train_labels),
        IdxFile("t10k-images-idx3-ubyte", f"{title} test images", (10000, 28, 28), test_images),
        IdxFile("t10k-labels-idx1-ubyte", f"{title} test labels", (10000,), test_labels),
    )


_MNIST = IdxDataset(
    name="mnist",
    files=_files(
        "MNIST",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    folders=("mnist", "MNIST/raw"),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
)

_FASHION_MNIST = IdxDataset(
    name="fashion-mnist",
    files=_files(
        "Fashion-MNIST",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    folders=("fashion-mnist", "FashionMNIST/raw"),
    mirrors=(
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        # The authors' own bucket answers on plain HTTP only; the sums are what makes that safe.
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    system_folders=(Path("/usr/share/datasets/fashion-mnist"),),
)

IDX_DATASETS = {known.name: known for known in (_MNIST, _FASHION_MNIST)}
"""By the name that a spec gives."""


def known_content(sha256: str) -> str | None:
    """What the file of this sum holds, if it is one of ours."""
    contents = {file.sha256: file.content for known in IDX_DATASETS.values() for file in known.files}
    return contents.get(sha256)
