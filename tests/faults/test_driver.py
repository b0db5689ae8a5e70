"""A driver that is killed, at any moment and as often as one likes: what is resumed ends as if nothing had been."""

import os
import random
import time
from pathlib import Path

import pytest

from tests.faults.command import LOOK_S, PATIENCE_S, Command
from tests.faults.compare import assert_same_results
from tests.faults.conftest import SWEEP, Undisturbed
from tests.faults.nodes import EVALUATOR, TRIAL, Nodes
from tests.tiny import CONFIGURATIONS, GENERATORS, write_tiny
from tests.tracking.reading import Curve, Reader

pytestmark = pytest.mark.cluster
KILLS = int(os.environ.get("PGAN_RAY_TEST_KILLS", "4"))
SEED = 5


def test_a_driver_killed_at_random_moments_is_resumed_to_the_same_bits_and_runs(
    tmp_path: Path, undisturbed: Undisturbed
) -> None:
    moments, sweeps, killed = random.Random(SEED), 0, list[Command]()
    while len(killed) < KILLS:
        home = tmp_path / str(sweeps)
        home.mkdir()
        write_tiny(home)
        sweeps += 1
        command = go_on(home)
        while len(killed) < KILLS and command.kill_after(moments.uniform(0, undisturbed.seconds)):
            killed.append(command)
            command = go_on(home)
        assert command.end() == 0, command.said
        assert_same_results(home / "sweep", undisturbed.directory)
        assert mlflow_record(home) == mlflow_record(undisturbed.home)
    assert [command.outlived_by() for command in killed] == [[]] * KILLS


def test_a_driver_killed_on_a_joined_cluster_leaves_nothing_at_work_and_is_resumed_on_it_to_the_same_bits(
    home: Path, nodes: Nodes, undisturbed: Undisturbed
) -> None:
    node = nodes.add(cpus=2)
    command = Command(home, *SWEEP, "--address", nodes.address)
    command.wait_for(lambda: next((home / "sweep/tune").rglob("progress.json"), None))
    command.wait_for(lambda: node.works_on(TRIAL) or None)
    assert command.kill_after(0)
    deadline = time.monotonic() + PATIENCE_S
    while node.works_on(TRIAL) or node.works_on(EVALUATOR):
        assert time.monotonic() < deadline
        time.sleep(LOOK_S)
    command = Command(home, "resume", "sweep", "--address", nodes.address)
    assert command.end() == 0, command.said
    assert_same_results(home / "sweep", undisturbed.directory)


def go_on(home: Path) -> Command:
    """Resume, or begin where the driver was killed before there was anything to resume."""
    return Command(home, *(("resume", "sweep") if (home / "sweep/sweep.yaml").exists() else SWEEP))


def mlflow_record(home: Path) -> dict[str, tuple[str, Curve, Curve]]:
    """Of each run, no name twice: its status, and its training and error curves."""
    reader = Reader(f"sqlite:///{home}/mlflow.db")
    statuses = reader.statuses()
    assert len(statuses) == 1 + CONFIGURATIONS + GENERATORS
    assert set(statuses.values()) == {"FINISHED"}
    return {
        "sweep" if name.startswith("tiny-") else name: (
            status,
            reader.curve(name, "train/generator_loss"),
            reader.curve(name, "victim/test_error"),
        )
        for name, status in statuses.items()
    }
