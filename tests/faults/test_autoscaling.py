"""An autoscaler brings nodes for what waits, replaces one that is lost, and takes idle ones away."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from pgan_ray.results import Store, read_rows
from tests.faults.autoscaled import autoscaled_cluster, worker_nodes
from tests.tiny import CELLS, GENERATORS, write_tiny

pytestmark = pytest.mark.cluster
HALF_A_GPU = "{cpu: 1, gpu: 0.5, members_per_actor: 1}"
SETTINGS = (
    f"resources.trial={HALF_A_GPU}",
    f"resources.evaluator={HALF_A_GPU}",
    "resources.checkpoint_every_s=1",
    "attack.iterations=4000",  # as long as nodes take to come
    "evaluation.victim.epochs=300",
)


Found = TypeVar("Found")


def wait_until(found: Callable[[], Found | None], sweep: "subprocess.Popen[str] | None" = None) -> Found:
    """Wait for something that must come, while ``sweep`` runs; returns it."""
    deadline = time.monotonic() + 180
    while (result := found()) is None:
        assert sweep is None or sweep.poll() is None, "the sweep ended before"
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return result


def that_trains(nodes: list[psutil.Process]) -> psutil.Process | None:
    """The first of these nodes on which a trial runs, where there is another one."""
    for node in nodes if len(nodes) > 1 else ():
        try:
            titles = [" ".join(worker.cmdline()) for worker in node.children()]
        except psutil.NoSuchProcess:
            continue
        if any("PGanTrial" in title for title in titles):
            return node
    return None


@pytest.mark.parametrize("version", [1, 2])
def test_a_sweep_raises_the_nodes_that_it_can_use_and_outlives_one(version: int, tmp_path: Path) -> None:
    with autoscaled_cluster(tmp_path, {"CPU": 2, "GPU": 1}, most=3, version=version) as cluster:
        assert worker_nodes(cluster) == []
        command = [sys.executable, "-m", "pgan_ray", "sweep", str(write_tiny(tmp_path)), "--address", cluster.address]
        command += ["--expect-gpus", "--offline-tracking", "--out", str(tmp_path / "sweep")]
        command += [part for setting in SETTINGS for part in ("--set", setting)]
        log = tmp_path / "sweep.log"
        with log.open("w") as output:
            environment = os.environ | cluster.client
            sweep = subprocess.Popen(command, stdout=output, stderr=output, text=True, env=environment, cwd=tmp_path)
        lost = wait_until(lambda: that_trains(worker_nodes(cluster)), sweep)
        lost.kill()  # with all that runs on it, as a spot instance goes
        assert sweep.wait(300) == 0, log.read_text()
        wait_until(lambda: True if worker_nodes(cluster) == [] else None)

    said = log.read_text()
    at_once = [int(nodes) for nodes in re.findall(r"the cluster changed: (\d) node", said)]
    assert max(at_once) >= 3, said  # the head and two; the third may come when there is nothing left for it
    assert re.search(r"^retried: ", said, re.MULTILINE), said
    rows = read_rows(Store(tmp_path / "sweep"))
    assert sorted(set(rows["outcome"].to_pylist())) == ["complete"]
    assert len(set(rows["cell_id"].to_pylist())) == rows.num_rows == CELLS
    assert f"{GENERATORS}/{GENERATORS} generators" in said
