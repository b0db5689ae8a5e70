"""The room's sweeps run in this process."""

from typing import Any

import pytest

from pgan_ray.data import Dataset
from pgan_ray.runner import LocalExecutor, SweepOutcome
from tests.runner.sweeps import Run, run_in


@pytest.fixture
def run(digits: dict[str, Dataset]) -> Run:
    """Runs a sweep in a directory, by the local executor."""

    def run_it(*arguments: Any, **options: Any) -> SweepOutcome:
        return run_in(LocalExecutor(), digits, *arguments, **options)

    return run_it
