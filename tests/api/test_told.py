"""What is told of a sweep while it runs."""

from pathlib import Path
from unittest.mock import ANY

import pytest

from pgan_ray import run_sweep
from pgan_ray.api import run
from pgan_ray.api.told import Told
from pgan_ray.results import Store, lease
from pgan_ray.runner import Silent, SweepState
from tests.tiny import TINY


class Noted(Silent):
    """A display that keeps in what order it is called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def notice(self, text: str) -> None:
        self.calls.append(text)

    def update(self, state: SweepState, slots: int) -> None:
        self.calls.append("update")


def test_what_is_first_comes_once_and_before_any_update(tmp_path: Path) -> None:
    shown = Noted()
    with lease(Store(tmp_path), pytest.fail) as claim, Told(shown, claim, first=lambda: shown.notice("first")) as told:
        told.notice("notice")
        for _ in range(2):
            told.update(SweepState(generators=1, victims=1), 1)
    assert shown.calls == ["notice", "first", "update", "update"]


def test_a_sweep_of_the_local_executor_is_estimated_before_its_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = Noted()
    monkeypatch.setattr(run, "estimate_line", lambda *given: "estimate")
    run_sweep(TINY, out=tmp_path / "sweep", executor="local", offline_tracking=True, progress=shown)
    assert shown.calls[:3] == [ANY, "estimate", "update"]
    assert shown.calls.count("estimate") == 1
