"""Fixtures of the spec room's tests."""

from pathlib import Path

import pytest

from .helpers import Loader


@pytest.fixture
def load(tmp_path: Path) -> Loader:
    return Loader(tmp_path)
