"""A search on a real Ray cluster."""

from pathlib import Path

import pytest

from pgan_ray.cluster import Connection, RayExecutor
from pgan_ray.results import Store, read_rows
from pgan_ray.runner import LocalExecutor, SearchRun, Silent
from pgan_ray.runner.prepare import load_datasets
from pgan_ray.spec import SweepRecord
from pgan_ray.tracking import MemoryTracker
from tests.runner.sweeps import without_seconds
from tests.searches import small_search


@pytest.mark.cluster
def test_ray_and_this_process_search_alike(cluster: Connection, tmp_path: Path) -> None:
    """To the bit, whatever stacks and batches there are: two waves of two trials, and the best afresh."""
    sweep = small_search()
    datasets, _ = load_datasets(sweep, None, lambda line: None)
    found = {}
    for name, executors, members in (("ray", lambda: RayExecutor(cluster), (1, 2)), ("local", LocalExecutor, (2, 4))):
        store = Store(tmp_path / name)
        record = SweepRecord("one", sweep, {"cpu": "some"})
        run = SearchRun(record, store, datasets, executors, MemoryTracker(), Silent(), members=members)
        assert run.run().outcome == "complete"
        files = sorted((tmp_path / name / "search").rglob("*.json"))
        found[name] = [file.read_bytes() for file in files], without_seconds(read_rows(store))
    assert found["ray"] == found["local"]
    assert not (tmp_path / "ray" / "tune").exists()
