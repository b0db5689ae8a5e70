"""Nodes that go and nodes that come while a sweep runs: it ends with the same bits, and uses what there is."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.command import Command
from tests.faults.compare import assert_same_results
from tests.faults.conftest import SWEEP, Undisturbed
from tests.faults.nodes import EVALUATOR, TRIAL, Nodes

pytestmark = pytest.mark.cluster
Lose = Callable[[Command, Nodes, Path], None]


def start(home: Path, nodes: Nodes) -> Command:
    return Command(home, *SWEEP, "--address", nodes.address, "--offline-tracking")


def lose_a_trials_node(command: Command, nodes: Nodes, home: Path) -> None:
    """Once there is a checkpoint to go on from."""
    command.wait_for(lambda: next((home / "sweep/tune").rglob("progress.json"), None))
    command.wait_for(lambda: nodes.remove_at_work(TRIAL))


def lose_an_evaluators_node(command: Command, nodes: Nodes, home: Path) -> None:
    command.wait_for(lambda: nodes.remove_at_work(EVALUATOR))


def retried(command: Command, what: str) -> list[str]:
    return re.findall(rf"^retried: {what} .*", command.said, re.MULTILINE)


@pytest.mark.parametrize(
    ("lose", "what"), [(lose_a_trials_node, "trial"), (lose_an_evaluators_node, "batch")], ids=["trials", "batches"]
)
def test_what_a_lost_node_had_in_hand_goes_on_elsewhere_with_the_same_bits(
    home: Path, nodes: Nodes, undisturbed: Undisturbed, lose: Lose, what: str
) -> None:
    for _ in range(3):
        nodes.add()
    command = start(home, nodes)
    lose(command, nodes, home)
    assert command.end() == 0, command.said
    assert retried(command, what)
    assert ("it goes on from its last checkpoint" in command.said) == (what == "trial")
    assert_same_results(home / "sweep", undisturbed.directory)


def test_a_sweep_outlives_nodes_that_go_in_each_stage_while_others_come(
    home: Path, nodes: Nodes, undisturbed: Undisturbed
) -> None:
    for _ in range(3):
        nodes.add()
    command = start(home, nodes)
    lose_a_trials_node(command, nodes, home)
    nodes.add()
    lose_an_evaluators_node(command, nodes, home)
    nodes.add()
    assert command.end() == 0, command.said
    assert retried(command, "trial")
    assert retried(command, "batch")
    assert_same_results(home / "sweep", undisturbed.directory)
