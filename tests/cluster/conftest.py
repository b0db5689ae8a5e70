"""One real Ray cluster for the room's tests: three CPUs and one GPU that is announced but not there."""

from collections.abc import Iterator
from typing import Any

import pytest
import ray

from pgan_ray.cluster import Connection, RayExecutor
from pgan_ray.data import Dataset
from pgan_ray.runner import SweepOutcome
from tests.runner.sweeps import Run, run_in

CORES = 2


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A connection to it, silent as the product's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AIR_NEW_OUTPUT", "0")
        patch.setenv("PGAN_RAY_DEVICE", "cpu")
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        patch.setenv("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
        quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
        often = {"metrics_report_interval_ms": 500}  # by itself every ten seconds
        ray.init(address="local", num_cpus=CORES + 1, num_gpus=1, _system_config=often, **quiet)
        yield Connection(CORES)
        ray.shutdown()


@pytest.fixture
def run(cluster: Connection, digits: dict[str, Dataset]) -> Run:
    """Runs a sweep in a directory on the cluster."""

    def run_it(*arguments: Any, **options: Any) -> SweepOutcome:
        return run_in(RayExecutor(cluster), digits, *arguments, **options)

    return run_it
