"""The token of a Ray that this process starts."""

import os
from pathlib import Path

import pytest

from pgan_ray.cluster.token import bring_token


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_a_token_is_for_its_owner_alone_and_made_once(home: Path) -> None:
    before = os.umask(0)
    try:
        bring_token()
    finally:
        os.umask(before)
    (place,) = (home / ".ray").iterdir()
    assert place.name == "auth_token"
    assert place.stat().st_mode & 0o777 == 0o600
    token = place.read_text()
    assert len(bytes.fromhex(token)) == 32
    bring_token()
    assert place.read_text() == token


@pytest.mark.parametrize(
    "variable", [("RAY_AUTH_MODE", "disabled"), ("RAY_AUTH_TOKEN", "ab" * 32), ("RAY_AUTH_TOKEN_PATH", "/kept/token")]
)
def test_none_is_made_where_ray_makes_none(
    home: Path, monkeypatch: pytest.MonkeyPatch, variable: tuple[str, str]
) -> None:
    monkeypatch.setenv(*variable)
    bring_token()
    assert not (home / ".ray").exists()
