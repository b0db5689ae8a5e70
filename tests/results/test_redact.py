"""No secret of a URI or of the environment comes through, whatever is in it and whoever has quoted it on the way."""

import base64
import json
import os
from collections.abc import Iterator
from urllib.parse import quote, unquote

import pytest
import yaml
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from pgan_ray.errors import SpecError
from pgan_ray.results import Store, keep_secret, redact, redactor
from pgan_ray.results.redact import HIDDEN, SHORTEST, _known, holds_secret

few = settings(
    max_examples=30, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
characters = st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"))
# What a text without secrets says must not be taken for one.
passwords = st.one_of(st.text(characters, min_size=SHORTEST), st.text("hq7'\"@/%:?#[] \\+&=<>", min_size=SHORTEST))
passwords = passwords.filter(lambda text: len(set(text)) > 2 and text not in f"http://me:@host:5000/mlflow {HIDDEN}")


def quotations(password: str) -> Iterator[str]:
    """What libraries make of a password on its way into a message."""
    yield from (password, quote(password, safe=""), quote(password), quote(quote(password)))
    yield from (repr(password), repr(f"me:{password}"), json.dumps(password), json.dumps(password, ensure_ascii=False))
    yield yaml.safe_dump({"uri": f"http://me:{password}@host/x"}, width=10_000)
    yield base64.b64encode(f"me:{password}".encode()).decode()


def assert_silent(password: str, text: str) -> None:
    for form in quotations(password):
        assert form not in text


@few
@example("it's")
@example('say"it"')
@example("with space s")
@example("p@ss@host")
@example("p/w/d?x#y")
@example("a%20b%2Fc")
@given(passwords)
def test_a_password_that_is_known_comes_through_in_no_quotation(password: str) -> None:
    _known.clear()
    keep_secret(f"http://me:{password}@host:5000/mlflow")
    for form in quotations(password):
        shown = redact(f"could not reach {form}: refused")
        assert_silent(password, shown)
        assert shown.startswith("could not reach ")
    if unquote(password) not in password:
        assert unquote(password) not in redact(f"no such user: {unquote(password)!s}")


@few
@example("it's", "http")
@example('say"it"', "postgresql+psycopg2")
@example("with space s", "s3")
@example("p/w/d?x#y", "postgresql")
@given(passwords, st.sampled_from(["http", "https", "postgresql+psycopg2", "mysql", "s3", "abfss"]))
def test_a_uri_is_shown_without_its_password(password: str, scheme: str) -> None:
    assume(not password.startswith(HIDDEN))
    uri = f"{scheme}://me:{password}@host:5000/mlflow"
    shown = redact(uri)
    assert holds_secret(uri)
    assert_silent(password, shown)
    assert shown.startswith(f"{scheme}://{HIDDEN}@")
    assert redact(shown) == shown
    with pytest.raises(SpecError, match="must not hold a secret") as refused:
        Store(uri)
    assert_silent(password, str(refused.value))


@few
@given(passwords.filter(lambda text: not text[0].isdigit() and not set("/@:") & set(text) and not text[0].isspace()))
def test_a_password_in_the_text_of_others_is_found_by_where_it_stands(password: str) -> None:
    assert_silent(password, redact(f"cannot connect to 'http://me:{password}@host/x': refused, ask root@example.org"))


def test_a_part_of_a_password_that_a_client_takes_for_a_port_is_not_shown() -> None:
    keep_secret("postgresql://me:hunter/two@db/mlflow")
    assert redact("invalid literal for int() with base 10: 'hunter'") == "invalid literal for int() with base 10: '***'"


@pytest.mark.parametrize(
    "text",
    [
        "http://localhost:5000/x refused",
        "sqlite:////home/a b/100%/me@work/mlflow.db",
        "s3://bucket/a@b:c@d/x",
        "hdfs://me@host:8020/x",
    ],
)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert redact(text) == text
    assert not holds_secret(text)
    said = f"MLflow's UI on http://127.0.0.1:5000: mail me@example.org, not {text}"
    assert redact(said) == said


@pytest.mark.parametrize("uri", ["databricks", "mlruns", ""])
def test_a_store_that_is_named_by_no_uri_is_no_secret(uri: str) -> None:
    keep_secret(uri)
    assert redact(f"{uri} was asked") == f"{uri} was asked"


def test_secrets_of_the_environment_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "abc123")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:open%20sesame@host")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3-hunter2")
    monkeypatch.setenv("SOME_SERVICE_URL", "redis://:red's@host/0")
    assert redact("401 for Bearer abc123") == "401 for Bearer ***"
    assert redact("{'password': 'open sesame'}") == "{'password': '***'}"
    assert redact("denied: open%20sesame") == "denied: ***"
    assert redact("signed with s3-hunter2, cached in red's") == "signed with ***, cached in ***"


def test_a_secret_that_the_environment_gets_later_is_not_shown_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "abc123")
    assert redact("Bearer abc123, Bearer def456") == "Bearer ***, Bearer def456"
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "def456")
    assert redact("Bearer def456") == "Bearer ***"
    keep_secret(password="ghi789")
    assert redact("Bearer def456, Basic ghi789") == "Bearer ***, Basic ***"


def test_many_texts_look_at_the_environment_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []

    class Environment(dict[str, str]):
        def items(self):  # type: ignore[no-untyped-def]
            looks.append(self)
            return super().items()

    monkeypatch.setattr(os, "environ", Environment(MLFLOW_TRACKING_TOKEN="abc123"))
    hidden = redactor()
    assert {hidden(f"{number}: Bearer abc123") for number in range(9)} == {
        f"{number}: Bearer ***" for number in range(9)
    }
    assert hidden("http://me:hunter2@host/abc123") == "http://***@host/***"
    assert len(looks) == 1
