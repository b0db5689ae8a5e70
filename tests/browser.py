"""Debian's Chromium, for the tests that look at pages as a reader does."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser, without a window. Skips where it or what drives it is absent."""
    sync = pytest.importorskip("playwright.sync_api", reason="needs playwright, which drives the browser")
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("needs a browser: Debian's package `chromium`")
    with sync.sync_playwright() as playwright:
        # As root, as in a container, Chromium starts without its sandbox alone; all that it opens is ours.
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()
