"""Fixtures of the results room's tests: stores on a disk and on S3."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pgan_ray.results import Store
from tests.s3_server import CREDENTIALS, S3Server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """An S3 server on this machine."""
    server = S3Server()
    yield server
    server.stop()


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The location of an empty folder on S3."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.address)
    return f"s3://{s3_server.bucket()}/sweeps/one"


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store of each kind."""
    return Store(tmp_path / "sweep" if request.param == "local" else request.getfixturevalue("s3"))
