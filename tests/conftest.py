"""Fixtures of more than one room."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from pgan_ray.data import Dataset
from pgan_ray.datasets.load import load_dataset
from pgan_ray.results.redact import _known
from tests.mlflow_server import MlflowServer
from tests.tiny import tiny_sweep


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist's own, which reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of the processes that tests are shared out among, one has the Ray cluster, one the MLflow server, each a file."""
    for item in items:
        file = item.path.relative_to(Path(__file__).parent)
        group = "ray" if file.parts[0] == "cluster" else str(file)
        if "mlflow_server" in getattr(item, "fixturenames", ()):
            group = "mlflow"
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """The tests' networks are tiny, and beside other work PyTorch's threads wait for each other most of the time."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _no_secret_is_kept() -> Iterator[None]:
    """What one test calls a secret is an ordinary word in another."""
    before = set(_known)
    yield
    _known.clear()
    _known.update(before)


@pytest.fixture
def double() -> Iterator[None]:
    """Double precision, in which code that does the same agrees to far more digits than code that differs."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A running server; a test that kills it starts it again."""
    server = MlflowServer(tmp_path_factory.mktemp("mlflow_server"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    """The data of the tiny sweep."""
    settings = tiny_sweep(tmp_path_factory.mktemp("spec")).configurations[0].settings
    return {settings.dataset_key: load_dataset(settings.dataset, seed=settings.seed)}


@pytest.fixture(scope="session")
def full_data_dir() -> Path:
    """The directory that holds the real MNIST and Fashion-MNIST."""
    folder = os.environ.get("PGAN_RAY_DATA")
    if not folder:
        pytest.skip("needs full MNIST: set PGAN_RAY_DATA to a directory that holds it")
    return Path(folder)
