"""The contract of data sets."""

from typing import Any

from pgan_ray.data import MIN_TEST_PER_CLASS, select_task
from pgan_ray.datasets import DatasetConfig
from pgan_ray.datasets.load import load_dataset, points_of_data
from pgan_ray.registry import DATASETS
from pgan_ray.spec import TaskSpec
from pgan_ray.testing.points import contract, found, must


@contract
def check_dataset(component: Any, **config: Any) -> None:
    """Check that a sweep can be run on the data set ``component``, a class or a name, with the keys ``config``.

    It is loaded a few times, as in a sweep: files are looked for in ``PGAN_RAY_DATA`` too, and may be downloaded.
    Raises `AssertionError`, which says what must hold.
    """
    cls = found(DATASETS, component)
    section: DatasetConfig = cls.Config(**config)
    must(
        cls.Config.model_validate(section.model_dump(mode="json")) == section,
        "its section must be the same after it was written as JSON and read back",
    )
    dataset = load_dataset(section, seed=1)
    same = load_dataset(section, seed=1).digest == dataset.digest
    must(same, "the same seed must give the same points, whatever was drawn before: draw from `loading.random(...)`")
    counts = points_of_data(dataset)
    other = points_of_data(load_dataset(section, seed=2))
    must(counts == other, f"every seed must give the same number of points of each class, got {counts} and {other}")
    tested = [label for label, count in counts.test.items() if count >= MIN_TEST_PER_CLASS and counts.train.get(label)]
    rule = f"two classes must have training points, and {MIN_TEST_PER_CLASS} test points each"
    must(len(tested) >= 2, f"{rule}, got {counts.train} and {counts.test}")
    train = {point.tobytes() for point in dataset.train_features}
    must(
        any(point.tobytes() not in train for point in dataset.test_features),
        "test points must not all be training points too",
    )
    claimed = section.make().points()
    must(
        claimed in (None, counts),
        f"`points` must give the numbers of points that `load` gives, {counts}, got {claimed}",
    )
    task = TaskSpec(classes=tested, poison_class=tested[1], source_class=tested[0])
    select_task(dataset, task)
    held = load_dataset(section.model_copy(update={"judged_on": "validation"}), seed=1)
    as_many = len(held.train_labels) + len(held.test_labels) == len(dataset.train_labels)
    must(as_many, "validation points must be held out of the training points")
