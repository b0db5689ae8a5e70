import numpy as np
import pytest

from pgan_ray.data import Dataset
from pgan_ray.data.dataset import Points, build_dataset, carve_test


def make(features: np.ndarray, labels: np.ndarray) -> Dataset:
    points = Points(features, labels)
    return build_dataset(name="toy", source="generated", train=points, test=points, image_shape=None, value_range=None)


def test_arrays_are_sealed_and_the_callers_are_not() -> None:
    features = np.zeros((4, 2), dtype=np.float32)
    dataset = make(features, np.zeros(4, dtype=np.int64))
    with pytest.raises(ValueError, match="read-only"):
        dataset.train_features[0] = 1
    features[0] = 1


def test_digest_is_of_content_type_and_shape() -> None:
    features, labels = np.arange(8, dtype=np.float32).reshape(4, 2), np.arange(4)
    digest = make(features, labels).digest
    assert make(np.asfortranarray(features), labels.copy()).digest == digest
    changed = features.copy()
    changed[3, 1] += 1
    others = [
        make(changed, labels),
        make(features, labels[::-1]),
        make(features.reshape(2, 4), labels),
        make(features.view(np.int32), labels),
    ]
    assert len({digest, *(other.digest for other in others)}) == 5
    assert len(digest) == 64


def test_carved_test_is_stratified_disjoint_and_in_file_order() -> None:
    labels = np.array([0] * 10 + [1] * 5 + [2] * 2 + [3])
    points = Points(np.arange(18)[:, None], labels)
    train, test = carve_test(points, 0.2, np.random.default_rng(0))
    assert np.bincount(test.labels, minlength=4).tolist() == [2, 1, 1, 0]
    assert np.bincount(train.labels).tolist() == [8, 4, 1, 1]
    assert sorted([*train.features[:, 0], *test.features[:, 0]]) == list(range(18))
    assert (np.diff(train.features[:, 0]) > 0).all()
    assert (labels[test.features[:, 0]] == test.labels).all()


def test_carving_leaves_training_points_whatever_the_fraction() -> None:
    points = Points(np.zeros((6, 1)), np.array([0, 0, 0, 1, 1, 1]))
    train, test = carve_test(points, 0.99, np.random.default_rng(0))
    assert np.bincount(train.labels).tolist() == [1, 1]
    assert np.bincount(test.labels).tolist() == [2, 2]


def test_carving_draws_from_the_classes_in_the_order_of_their_labels() -> None:
    labels = np.random.default_rng(1).integers(-3, 4, size=60)
    _, test = carve_test(Points(np.arange(60)[:, None], labels), 0.3, np.random.default_rng(2))
    rng, expected = np.random.default_rng(2), []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        expected += rng.choice(members, size=round(0.3 * len(members)), replace=False).tolist()
    assert test.features[:, 0].tolist() == sorted(expected)


def test_carving_where_each_point_is_a_class_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    real = np.flatnonzero
    monkeypatch.setattr(np, "flatnonzero", lambda values: looks.append(len(values)) or real(values))
    train, test = carve_test(Points(np.zeros((5000, 1)), np.arange(5000)), 0.2, np.random.default_rng(0))
    assert (len(train.labels), len(test.labels)) == (5000, 0)
    assert sum(looks) < 10 * 5000  # and not 5000 looks at all of them
