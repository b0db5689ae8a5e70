"""The memory that one worker finds."""

from pathlib import Path

import pytest

from pgan_ray.cluster import Connection
from pgan_ray.cluster.room import room_on
from pgan_ray.runner.limits import ANY_WORKER_BYTES, Room, room_here, room_of
from pgan_ray.spec import Sweep
from tests.tiny import tiny_sweep

GB = 10**9


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    return tiny_sweep(tmp_path, "resources.trial.cpu=2", "resources.trial.gpu=0.5", "resources.evaluator.gpu=0")


@pytest.mark.parametrize(
    ("nodes", "has_gpu", "trial", "evaluator"),
    [
        ([{"CPU": 4, "memory": 8 * GB}], False, 4 * GB, 2 * GB),
        ([{"CPU": 2, "memory": 8 * GB}], False, 8 * GB, 4 * GB),
        # Beside as many as there are: four generators, twenty-four victims.
        ([{"CPU": 100, "memory": 48 * GB}], False, 12 * GB, 2 * GB),
        # The best of the nodes that have room for an actor at all.
        ([{"CPU": 1, "memory": 64 * GB}, {"CPU": 2, "memory": 8 * GB}], False, 8 * GB, 64 * GB),
        ([{"CPU": 4, "GPU": 1, "memory": 8 * GB}, {"CPU": 4, "memory": 64 * GB}], True, 20 * GB, 16 * GB),
        ([{"CPU": 2, "GPU": 1, "memory": 8 * GB}], True, 40 * GB, 4 * GB),
        # None is there yet: an autoscaler may bring anything.
        ([{"CPU": 0, "memory": 8 * GB}], False, ANY_WORKER_BYTES, ANY_WORKER_BYTES),
        ([], True, ANY_WORKER_BYTES, ANY_WORKER_BYTES),
    ],
)
def test_a_worker_shares_its_node(
    sweep: Sweep, nodes: list[dict[str, float]], has_gpu: bool, trial: float, evaluator: float
) -> None:
    assert room_of(sweep, nodes, 40 * GB, has_gpu=has_gpu) == Room(trial, evaluator)


@pytest.mark.parametrize(
    ("kind", "trial"),
    [("accelerator_type:H100", 40 * GB), ("accelerator_type:B52", ANY_WORKER_BYTES / 2), ("", 1e12 / 2)],
)
def test_of_a_cluster_its_nodes_count(monkeypatch: pytest.MonkeyPatch, sweep: Sweep, kind: str, trial: float) -> None:
    node = {"CPU": 8.0, "GPU": 1.0, "memory": 64.0 * GB, kind: 1.0}
    monkeypatch.setattr("ray.cluster_resources", lambda: node)
    monkeypatch.setattr("ray.nodes", lambda: [{"Alive": True, "Resources": node}])
    assert room_on(Connection(None), sweep) == Room(trial, 8 * GB)


def test_of_a_local_one_this_machine(monkeypatch: pytest.MonkeyPatch, sweep: Sweep) -> None:
    monkeypatch.setattr("pgan_ray.runner.limits.available_cores", lambda: 2)
    monkeypatch.setattr("pgan_ray.runner.limits.gpus_here", lambda: 0)
    monkeypatch.setattr("pgan_ray.runner.limits.memory_for_actors", lambda: 8 * GB)
    assert room_here(sweep) == room_on(Connection(2), sweep) == Room(8 * GB, 4 * GB)
