from pathlib import Path

import pytest

from pgan_ray.results import redact
from pgan_ray.tracking import tracking_uri, tracking_uri_of


def test_option_wins_over_environment_over_working_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://from.environment")
    assert tracking_uri("http://from.option") == "http://from.option"
    assert tracking_uri() == "http://from.environment"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert tracking_uri() == f"sqlite:///{tmp_path.as_posix()}/mlflow.db"


def test_a_sweep_goes_on_where_it_was_tracked_unless_that_was_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://from.environment")
    assert tracking_uri_of({"tracking_uri": "http://from.record"}) == "http://from.record"
    assert tracking_uri_of({"tracking_uri": "http://from.record"}, "http://from.option") == "http://from.option"
    assert tracking_uri_of({"tracking_uri": "http://***@from.record"}) == "http://from.environment"
    assert tracking_uri_of({}) == "http://from.environment"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://host:5000/x", "http://host:5000/x"),
        ("got http://me:p@ss@host/x: refused", "got http://***@host/x: refused"),
        ("postgresql+psycopg://me:pw@db:5432/mlflow", "postgresql+psycopg://***@db:5432/mlflow"),
        ("postgresql://me:p/w@db/mlflow: refused", "postgresql://***@db/mlflow: refused"),
        ("s3://AKIA:ab/cd+x@bucket/x", "s3://***@bucket/x"),
        ("s3://SECRET@bucket/x", "s3://***@bucket/x"),
        ("https://host/x?sas=abc&plain=1", "https://host/x?sas=***&plain=1"),
        ("abfss://box@account.dfs.core.windows.net/x", "abfss://box@account.dfs.core.windows.net/x"),
        ("abfss://box:pw@account.dfs.core.windows.net/x", "abfss://***@account.dfs.core.windows.net/x"),
        ("hdfs://me@host:8020/x", "hdfs://me@host:8020/x"),
        ("s3://bucket/a@b/x", "s3://bucket/a@b/x"),
        ("https://host/x?token=abc&plain=1", "https://host/x?token=***&plain=1"),
        ("s3://KEY:SECRET@bucket/x?region=eu&access_key=abc", "s3://***@bucket/x?region=eu&access_key=***"),
        ("'https://host/?X-Amz-Signature=abc'", "'https://host/?X-Amz-Signature=***'"),
        ("mail me@example.org", "mail me@example.org"),
        ("sqlite:////a/b@c/mlflow.db", "sqlite:////a/b@c/mlflow.db"),
    ],
)
def test_secrets_are_not_shown(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_secrets_of_the_environment_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "abc123")
    assert redact("401 for Bearer abc123") == "401 for Bearer ***"
