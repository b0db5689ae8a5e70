"""The room's sweeps run in this process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pgan_ray.data import Dataset
from pgan_ray.results import Store
from pgan_ray.runner import LocalExecutor, SearchRun, Silent, SweepOutcome
from pgan_ray.runner.prepare import load_datasets
from pgan_ray.spec import Sweep, SweepRecord, load_record
from pgan_ray.tracking import MemoryTracker
from tests.runner.sweeps import Run, run_in
from tests.searches import small_search


@pytest.fixture
def run(digits: dict[str, Dataset]) -> Run:
    """Runs a sweep in a directory, by the local executor."""

    def run_it(*arguments: Any, **options: Any) -> SweepOutcome:
        return run_in(LocalExecutor(), digits, *arguments, **options)

    return run_it


@pytest.fixture(scope="session")
def searched_digits() -> dict[str, Dataset]:
    found, _ = load_datasets(small_search(), None, lambda line: None)
    return found


@pytest.fixture
def run_search(searched_digits: dict[str, Dataset]) -> Callable[..., SweepOutcome]:
    """Runs a search in a directory, likewise."""

    def run_it(
        sweep: Sweep,
        directory: Path,
        progress: Any = None,
        tracker: Any = None,
        members: tuple[int, int] = (2, 4),
        **options: Any,
    ) -> SweepOutcome:
        record, store = SweepRecord("one", sweep, {"cpu": "some"}), Store(directory)
        store.write("sweep.yaml", record.to_yaml().encode())
        # As resuming does: the record is read back.
        record = load_record(record.to_yaml(), "sweep.yaml")
        return SearchRun(
            record,
            store,
            searched_digits,
            LocalExecutor,
            tracker or MemoryTracker(),
            progress or Silent(),
            members=members,
            **options,
        ).run()

    return run_it
