"""Fixtures of the results room's tests: stores on a disk and on S3."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgan_ray.results import Store

START_S = 60.0


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an S3 server on this machine."""
    pytest.importorskip("moto.server", reason="needs moto[server] for an S3 server on this machine")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    # A process of its own: its threads and warnings are not ours.
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_for(port, server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _wait_for(port: str, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", int(port)), timeout=1).close()
        except OSError:
            assert server.poll() is None, "the S3 server ended"
            assert time.monotonic() < end, "the S3 server did not start"
            time.sleep(0.05)
        else:
            return


@pytest.fixture
def s3(s3_server: str) -> Iterator[str]:
    """The location of an empty folder on S3."""
    names = {
        "AWS_ENDPOINT_URL": s3_server,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "no_proxy": "127.0.0.1",
    }
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    bucket = f"b{uuid.uuid4().hex}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(urllib.request.Request(f"{s3_server}/{bucket}", method="PUT")).close()
    yield f"s3://{bucket}/sweeps/one"
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store of each kind."""
    return Store(tmp_path / "sweep" if request.param == "local" else request.getfixturevalue("s3"))
