"""Stage 1 on a real Ray cluster."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pgan_ray.attacks import train_stack
from pgan_ray.runner import Engine
from tests.runner.sweeps import Run
from tests.tiny import tiny_sweep

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
