"""One real Ray cluster for the room's tests: three CPUs and one GPU that is announced but not there."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import ray

from pgan_ray.cluster import Connection, Outcome, Quiet, SweepRun
from pgan_ray.cluster.driver import Progress
from pgan_ray.cluster.worker import Engine, dataset_key
from pgan_ray.data import Dataset, load_dataset
from pgan_ray.results import Store
from pgan_ray.spec import Sweep, SweepRecord
from pgan_ray.tracking import MemoryTracker, Tracker

CORES = 2


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A connection to it, silent as the product's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AIR_NEW_OUTPUT", "0")
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        patch.setenv("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
        quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
        ray.init(address="local", num_cpus=CORES + 1, num_gpus=1, **quiet)
        yield Connection(CORES)
        ray.shutdown()


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    """The data of the tiny sweep."""
    from tests.tiny import tiny_sweep

    settings = tiny_sweep(tmp_path_factory.mktemp("spec")).configurations[0].settings
    return {dataset_key(settings): load_dataset(settings.dataset, seed=settings.seed)}


Run = Callable[..., Outcome]


@pytest.fixture
def run(cluster: Connection, digits: dict[str, Dataset]) -> Run:
    """Runs a sweep in a directory on the cluster."""

    def run_it(
        sweep: Sweep,
        directory: Path,
        *,
        tracker: Tracker | None = None,
        progress: Progress | None = None,
        members: tuple[int, int] = (5, 4),
        engine: Engine | None = None,
    ) -> Outcome:
        return SweepRun(
            SweepRecord("tiny", sweep),
            Store(directory),
            digits,
            cluster,
            tracker or MemoryTracker(),
            progress or Quiet(),
            members=members,
            engine=engine,
        ).run()

    return run_it
