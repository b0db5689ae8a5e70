"""An autoscaler brings nodes for what waits, replaces one that is lost, and takes idle ones away."""

import re
import time
from pathlib import Path

import pytest

from tests.faults.autoscaled import Autoscaled, autoscaled_cluster
from tests.faults.command import LOOK_S, PATIENCE_S, Command
from tests.faults.compare import assert_same_results
from tests.faults.conftest import SWEEP, Undisturbed

pytestmark = pytest.mark.cluster
HALF_A_GPU = (
    *("--set", "resources.trial.cpu=1", "--set", "resources.trial.gpu=0.5"),
    *("--set", "resources.evaluator.cpu=1", "--set", "resources.evaluator.gpu=0.5"),
)


@pytest.mark.parametrize("version", [1, 2])
def test_a_sweep_raises_the_nodes_that_it_can_use_and_outlives_one(
    version: int, home: Path, undisturbed: Undisturbed
) -> None:
    with autoscaled_cluster(home, {"CPU": 2, "GPU": 1}, most=3, version=version) as cluster:
        assert cluster.nodes() == []
        joined = ("--address", cluster.address, "--expect-gpus", "--offline-tracking")
        command = Command(home, *SWEEP, *HALF_A_GPU, *joined)
        cluster.lose(command.wait_for(cluster.that_trains))
        assert command.end() == 0, command.said
        wait_until_none_is_left(cluster)
    at_once = [int(nodes) for nodes in re.findall(r"the cluster changed: (\d) node", command.said)]
    assert max(at_once) >= 3, command.said  # the head and two; for the third there may be nothing left
    assert re.search(r"^retried: ", command.said, re.MULTILINE), command.said
    assert_same_results(home / "sweep", undisturbed.directory)


def wait_until_none_is_left(cluster: Autoscaled) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while cluster.nodes():
        assert time.monotonic() < deadline
        time.sleep(LOOK_S)
