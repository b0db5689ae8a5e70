"""Secrets in every place that takes one, and a look at everything that comes out for any of them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgan_ray.results import Store
from tests.faults.services import Command, Ended, call, sweep
from tests.mlflow_server import MlflowServer
from tests.s3_server import CREDENTIALS, S3Server

pytestmark = pytest.mark.cluster

SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "s3-hunter2",
    "AWS_SESSION_TOKEN": "session-hunter2",
    "RAY_AUTH_TOKEN": "abcdef0123456789" * 4,
    "MLFLOW_TRACKING_PASSWORD": "password-hunter2",
    "in a URI": "uri-hunter2",
}
NOBODY = "127.0.0.1:9"


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """Of a user who keeps secrets where they belong."""
    found = CREDENTIALS | {name: secret for name, secret in SECRETS.items() if name.isupper()}
    return found | {"RAY_AUTH_MODE": "token", "MLFLOW_TRACKING_USERNAME": "sweeper"}


@pytest.fixture
def s3_server() -> Iterator[S3Server]:
    """An S3 server."""
    server = S3Server()
    yield server
    server.stop()


def test_a_sweep_tells_no_secret(
    shared_home: Path,
    environment: dict[str, str],
    mlflow_server: MlflowServer,
    s3_server: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    out = Store(f"s3://{s3_server.bucket()}/sweep{s3_server.options}")
    uri = mlflow_server.uri.replace("://", f"://me:{SECRETS['in a URI']}@")
    environment = environment | {"MLFLOW_TRACKING_URI": uri}
    with Command(*sweep(out.location, "--verbose"), home=shared_home, environment=environment) as command:
        command.until(lambda: out.names("tune", "state.safetensors"))
        lines = "\n".join(command.command_lines())
        command.interrupt()
        stopped = command.end()
    assert stopped.code == 130, stopped.err
    assert_silent(stopped)
    assert "raylet" in lines
    assert [place for place, secret in SECRETS.items() if secret in lines] == []
    assert out.names("tune"), "Tune's own files are looked at too"
    assert_holds_none(out)

    resumed = call("resume", out.location, "--json", home=shared_home, environment=environment)
    assert resumed.code == 0, resumed.err
    assert json.loads(resumed.out)["outcome"] == "complete"
    assert_silent(resumed)
    assert out.exists("report/index.html")
    assert_holds_none(out)
    assert (mlflow_server.folder / "server.db").exists()
    assert_holds_none(Store(mlflow_server.folder))


@pytest.mark.parametrize(
    "arguments",
    [
        ("sweep", "tiny.yaml", "--tracking-uri", f"http://me:{SECRETS['in a URI']}@{NOBODY}"),
        ("sweep", "tiny.yaml", "--tracking-uri", f"postgresql+psycopg2://me:{SECRETS['in a URI']}@{NOBODY}/mlflow"),
        ("sweep", "tiny.yaml", "--offline-tracking", "--out", f"s3://KEY:{SECRETS['in a URI']}@bucket/x"),
        ("sweep", "tiny.yaml", "--offline-tracking", "--out", f"s3://bucket/x?secret_key={SECRETS['in a URI']}"),
        ("resume", f"s3://KEY:{SECRETS['in a URI']}@bucket/x"),
        ("submit", "tiny.yaml", "--address", f"http://{NOBODY}", "--out", f"s3://KEY:{SECRETS['in a URI']}@bucket/x"),
    ],
    ids=["mlflow", "postgresql", "keys", "query", "resume", "submit"],
)
def test_an_error_tells_no_secret(shared_home: Path, environment: dict[str, str], arguments: tuple[str, ...]) -> None:
    ended = call(*arguments, home=shared_home, environment=environment)
    assert ended.code == 2, ended.err
    assert "***" in ended.err
    assert "Traceback" not in ended.err
    assert_silent(ended)


def test_a_missing_bucket_tells_no_secret(shared_home: Path, environment: dict[str, str], s3_server: S3Server) -> None:
    location = f"s3://nobodys-bucket/x{s3_server.options}"
    ended = call(
        "sweep", "tiny.yaml", "--offline-tracking", "--out", location, home=shared_home, environment=environment
    )
    assert ended.code == 2, ended.err
    assert "must be a place that can be written to" in ended.err
    assert_silent(ended)


def assert_silent(ended: Ended) -> None:
    for secret in SECRETS.values():
        assert secret not in ended.out
        assert secret not in ended.err


def assert_holds_none(store: Store) -> None:
    """No file of ``store`` holds a secret, and there are files."""
    names = store.names("")
    assert names
    for name in names:
        content = store.read(name)
        if name.endswith(".parquet"):  # compressed
            content = repr(store.read_table(name).to_pylist()).encode()
        assert [place for place, secret in SECRETS.items() if secret.encode() in content] == [], name
