from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from pgan_ray.errors import TrackingError
from pgan_ray.results import redact
from pgan_ray.tracking import option_for, recorded, tracking_uri, tracking_uri_of
from pgan_ray.tracking.connection import connect
from pgan_ray.tracking.description import sweep_tags
from pgan_ray.tracking.runs import MAX_TAG, clean
from tests.tracking.tracking_sweep import make_record


def test_option_wins_over_environment_over_working_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://from.environment")
    assert tracking_uri("http://from.option") == "http://from.option"
    assert tracking_uri() == "http://from.environment"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert tracking_uri() == f"sqlite:///{tmp_path.as_posix()}/mlflow.db"


def test_a_sweep_goes_on_where_it_was_tracked_if_the_user_says_so_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:pa55-word@from.environment")
    assert tracking_uri_of({}) == "http://me:pa55-word@from.environment"
    kept = recorded("http://me:pa55-word@from.environment/")
    assert kept == "http://***@from.environment"
    assert tracking_uri_of({"tracking_uri": kept}) == "http://me:pa55-word@from.environment"
    assert tracking_uri_of({"tracking_uri": "http://from.record"}, "http://from.option") == "http://from.option"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    monkeypatch.chdir(tmp_path)
    assert tracking_uri_of({"tracking_uri": recorded("sqlite:///mlflow.db")}) == tracking_uri()


@pytest.mark.parametrize("kept", ["http://from.record", "http://***@from.record", "sqlite:////elsewhere/mlflow.db"])
@pytest.mark.parametrize("own", ["http://me:pa55-word@from.environment", None])
def test_what_a_directory_says_is_told_and_not_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kept: str, own: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", own) if own else monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(TrackingError, match="--tracking-uri: must be given for a sweep whose directory says") as told:
        tracking_uri_of({"tracking_uri": kept})
    (line,) = str(told.value).splitlines()
    assert kept in line
    assert ("MLFLOW_TRACKING_URI is http://***@from.environment" if own else f"{tmp_path}/mlflow.db") in line
    assert "pa55-word" not in line
    assert list(tmp_path.iterdir()) == []


def test_what_a_directory_says_is_told_so_that_it_does_no_harm_where_it_is_pasted(tmp_path: Path) -> None:
    with pytest.raises(TrackingError) as told:
        tracking_uri_of({"tracking_uri": "http://x\x1b[2J\n; reboot"})
    assert "--tracking-uri 'http://x\\x1b[2J\\n; reboot'" in str(told.value)


def test_a_command_about_a_sweep_names_the_store_unless_it_is_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://from.environment")
    assert option_for("http://from.environment") == ""
    assert option_for("http://me:pa55-word@from.option") == " --tracking-uri 'http://***@from.option'"


@pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///file::memory:?uri=true"])
def test_a_store_in_memory_is_refused(uri: str) -> None:
    with pytest.raises(TrackingError, match="must name a store that outlives the command, got sqlite://"):
        connect(uri, "pgan-ray")


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


ODD_PASSWORDS = [
    *("it's 5", 'say"it"', "two  words", "p@ss@word", "hunter/two/three?four#five"),
    *("a%20b%2Fc", "back\\slash", "-:-:-", "\u00fc[1]"),
]


@pytest.mark.parametrize("password", ODD_PASSWORDS)
@pytest.mark.parametrize("scheme", ["http", "postgresql+psycopg2", "mysql"])
def test_no_error_of_a_client_tells_the_password(scheme: str, password: str) -> None:
    uri = f"{scheme}://me:{password}@127.0.0.1:9/mlflow"
    with pytest.raises(TrackingError) as told:
        connect(uri, "pgan-ray")
    for form in (password, unquote(password), quote(password), repr(password)[1:-1], *password.split("/")):
        assert form not in str(told.value).replace("***", ""), str(told.value)
    assert str(told.value).splitlines()[0].count("***") >= 1


@pytest.mark.parametrize("password", ODD_PASSWORDS)
def test_no_record_or_tag_holds_the_password(password: str) -> None:
    uri = tracking_uri(f"http://me:{password}@host/mlflow")
    record = make_record()
    record.facts["tracking_uri"] = recorded(uri)
    record.facts["note"] = clean(f"see {uri} of {password}", MAX_TAG)
    for text in (record.to_yaml(), *sweep_tags(record).values()):
        assert password not in text
        assert quote(password) not in text
    with pytest.raises(TrackingError) as told:
        tracking_uri_of({"tracking_uri": "http://elsewhere"})
    assert password not in str(told.value)
