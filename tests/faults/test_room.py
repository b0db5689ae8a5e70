"""Clusters with little room, and with more of it later: nothing waits for ever, and what comes is used."""

import json
import os
import subprocess
import sys
import time
from itertools import accumulate
from pathlib import Path

import pytest

from tests.faults.command import Command
from tests.faults.compare import assert_same_results
from tests.faults.conftest import SWEEP, Undisturbed
from tests.faults.nodes import Nodes

pytestmark = pytest.mark.cluster
# Four trials, and batches from the first one's end on.
TIGHT = ("sweep", "tiny.yaml", "--out", "sweep", "--offline-tracking", "--set", "resources.trial.members_per_actor=1")


def test_concurrency_follows_the_cluster(home: Path, nodes: Nodes, undisturbed: Undisturbed) -> None:
    nodes.add(cpus=1)
    command = Command(home, *SWEEP, "--address", nodes.address, "--offline-tracking")
    command.wait_for(lambda: next((home / "sweep/tune").rglob("progress.json"), None))
    grown_at = time.time() * 1e6
    nodes.add(cpus=2)
    assert command.end() == 0, command.said
    assert_same_results(home / "sweep", undisturbed.directory)
    spans = json.loads((home / "sweep/timeline.json").read_text())["traceEvents"]
    assert at_once([span for span in spans if span["ts"] < grown_at]) == 1
    assert at_once(spans) > 1


def at_once(spans: list[dict[str, int]]) -> int:
    """The most actors that worked at the same time."""
    changes = [(span["ts"], 1) for span in spans] + [(span["ts"] + span["dur"], -1) for span in spans]
    return max(accumulate(change for _, change in sorted(changes)))


def test_one_cpu_of_a_cluster_is_enough(home: Path, nodes: Nodes) -> None:
    nodes.add(cpus=1)
    command = Command(home, *TIGHT, "--address", nodes.address)
    assert command.end() == 0, command.said
    assert "1 CPU(s)" in command.said


def test_one_core_of_this_machine_is_enough(home: Path) -> None:
    command = Command(home, *TIGHT, cores=[min(os.sched_getaffinity(0))])
    assert command.end() == 0, command.said
    assert "1 CPU(s)" in command.said


def test_a_gpu_that_holds_one_trial_and_nothing_beside_it_is_enough(home: Path, nodes: Nodes) -> None:
    nodes.add(cpus=4, gpus=1)
    shares = ("--set", "resources.trial.gpu=1.0", "--set", "resources.evaluator.gpu=0.5")
    command = Command(home, *TIGHT, *shares, "--address", nodes.address)
    assert command.end() == 0, command.said
    assert "1 GPU(s)" in command.said


GPUS_OF = """
import sys
import ray
from pgan_ray.cluster import Connection
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
class Trial:
    def gpus(self):
        return ray.get_gpu_ids()
asked = {"CPU": 1.0, "GPU": 0.25}
for request in (asked, Connection(None).spread(asked, asked, 5)):
    options = dict(num_cpus=request["CPU"], num_gpus=request["GPU"])
    trials = [ray.remote(**options)(Trial).remote() for _ in range(5)]
    print(len({gpu for trial in trials for gpu in ray.get(trial.gpus.remote())}))
    del trials
"""


def test_five_quarters_of_gpus_are_on_five_of_eight(nodes: Nodes) -> None:
    nodes.add(cpus=10, gpus=8)
    found = subprocess.run(
        [sys.executable, "-c", GPUS_OF, nodes.address], capture_output=True, text=True, timeout=120, check=True
    )
    assert found.stdout.split() == ["2", "5"]  # as Ray places what was asked for, and as we ask


SWEPT = """
import sys
from pathlib import Path
import ray
from pgan_ray.attacks import train_stack
from pgan_ray.cluster import Connection, RayExecutor
from pgan_ray.datasets.load import load_dataset
from pgan_ray.runner import Engine
from tests.runner.sweeps import run_in
from tests.tiny import tiny_sweep

folder = Path(sys.argv[2])
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
sweep = tiny_sweep(
    folder,
    "controls=true",
    "attack.alpha=0.5",
    "attack.iterations=3000",
    "evaluation.victim.epochs=300",
    "evaluation.runs=4",
)


def stack(attack, members, *arguments, **options):
    (folder / f"{members[0].replicate}-on-{ray.get_gpu_ids()[0]}").touch()
    return train_stack(attack, members, *arguments, **options)


settings = sweep.configurations[0].settings
datasets = {settings.dataset_key: load_dataset(settings.dataset, seed=0)}
outcome = run_in(
    RayExecutor(Connection(None)), datasets, sweep, folder / "sweep", members=(1, 1), engine=Engine(stack=stack)
)
print(outcome.outcome, *sorted(path.name for path in folder.glob("*-on-*")))
"""


def test_victims_that_are_ready_at_once_leave_each_trial_its_gpu(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGAN_RAY_DEVICE", "cpu")
    nodes.add(cpus=8, gpus=2)
    command = [sys.executable, "-c", SWEPT, nodes.address, tmp_path]
    found = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert found.stdout.splitlines()[-1].split() in (["complete", "0-on-0", "1-on-1"], ["complete", "0-on-1", "1-on-0"])
