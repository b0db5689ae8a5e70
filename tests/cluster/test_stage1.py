"""Stage 1 on a real Ray cluster."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import ray

from pgan_ray.attacks import train_stack
from pgan_ray.cluster import Connection
from pgan_ray.cluster.stage1 import Stage1Run
from pgan_ray.results import Store
from pgan_ray.runner import Engine, TrialsEnded
from pgan_ray.runner.cut import Trial
from pgan_ray.runner.training import Stage1
from tests.runner.sweeps import Run
from tests.tiny import tiny_sweep
from tests.tracking.tracking_sweep import make_record

PATIENCE_S = 60.0


def _meet(folder: Path, driver: int) -> Callable[..., Any]:
    """What trains, given to an actor as soon as another one is about to get it too."""
    if os.getpid() != driver:
        (folder / str(os.getpid())).touch()
        end = time.monotonic() + PATIENCE_S
        while len(list(folder.iterdir())) < 2:
            if time.monotonic() > end:
                raise TimeoutError("no other actor came")
            time.sleep(0.05)
    return train_stack


class Together:
    """Trains only in actors that are there at the same time, before any of them has a trial."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return train_stack(*arguments, **options)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Path, int]]:
        return _meet, (self._folder, os.getpid())


def test_all_trials_that_have_room_are_begun_at_once(run: Run, tmp_path: Path) -> None:
    """Each actor takes seconds to start: one after the other, a hundred would take minutes."""
    engine = Engine(stack=Together(tmp_path / "met"))
    sweep = tiny_sweep(tmp_path, "attack.alpha=0.5", "evaluation.runs=1")
    outcome = run(sweep, tmp_path / "sweep", members=(1, 4), engine=engine)
    assert (outcome.outcome, outcome.retried) == ("complete", [])


class AskingTuner:
    """Does what Tune does when the driver has left the cluster before it."""

    def fit(self) -> None:
        ray.get([])


class Late(Stage1Run):
    """Whose trials do not matter."""

    def _tuner(self) -> Any:
        return AskingTuner()


def test_tune_starts_no_other_cluster_when_the_driver_has_left(
    cluster: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[dict[str, Any]] = []
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda **options: started.append(options))

    def end() -> TrialsEnded:
        stage = Stage1(make_record(), Store("unused"), {"one": Trial("base", (0,))}, {})
        late = Late(stage, None, request={}, limit=lambda: 1)
        late.start()
        late.join(PATIENCE_S)
        event = late.events.get_nowait()
        assert isinstance(event, TrialsEnded)
        return event

    end()
    assert not started
    ray.get([])  # anybody else's call is as it was
    assert started
