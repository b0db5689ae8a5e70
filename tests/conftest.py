"""Fixtures of more than one room."""

from collections.abc import Iterator

import pytest
import torch

from tests.mlflow_server import MlflowServer


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """The tests' networks are tiny, and beside other work PyTorch's threads wait for each other most of the time."""
    torch.set_num_threads(1)


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
