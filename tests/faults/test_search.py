"""A search ends with the same trials and the same bits on clusters of any size, and after a driver that was killed."""

from pathlib import Path
from typing import Any

import pytest

from pgan_ray.spec.yaml_file import dump_yaml
from tests.faults.command import Command
from tests.faults.compare import assert_same_results
from tests.faults.nodes import Nodes
from tests.searches import STOPS, search_file

pytestmark = pytest.mark.cluster
SWEEP = ("sweep", "search.yaml", "--out", "sweep", "--offline-tracking")


def write_search(home: Path, **changes: Any) -> None:
    # Long enough to be killed in its middle.
    (home / "search.yaml").write_text(dump_yaml(search_file(attack__iterations={"range": [400, 500]}, **changes)))


def trial_values(directory: Path) -> list[bytes]:
    """Of each trial what does not depend on the sweep's id."""
    lines = [file.read_bytes().splitlines() for file in sorted((directory / "search").rglob("*.json"))]
    return [b"\n".join(line for line in one if b"sweep_id" not in line and b"digest" not in line) for one in lines]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the search that ran in one process."""
    home = tmp_path_factory.mktemp("undisturbed")
    write_search(home)
    command = Command(home, *SWEEP, "--executor", "local")
    assert command.end() == 0, command.said
    return home / "sweep"


def assert_same_search(one: Path, other: Path) -> None:
    assert trial_values(one) == trial_values(other)
    assert_same_results(one, other)


@pytest.mark.parametrize("count", [1, 3])
def test_it_is_the_same_on_clusters_of_any_size(home: Path, nodes: Nodes, undisturbed: Path, count: int) -> None:
    for _ in range(count):
        nodes.add()
    write_search(home)
    command = Command(home, *SWEEP, "--address", nodes.address)
    assert command.end() == 0, command.said
    assert_same_search(home / "sweep", undisturbed)


@pytest.mark.parametrize("executor", ["local", "ray"])
def test_a_driver_that_is_killed_in_a_wave_is_resumed_to_the_same_search(
    home: Path, undisturbed: Path, executor: str
) -> None:
    write_search(home)
    command = Command(home, *SWEEP, "--executor", executor)
    # The second wave is asked for, and its first generator is made.
    command.wait_for(lambda: next((home / "sweep" / "generators").glob("trial=000[23]/r0/record.json"), None))
    assert command.kill_after(0)
    again = Command(home, "resume", "sweep", "--executor", executor, "--offline-tracking")
    assert again.end() == 0, again.said
    assert command.outlived_by() == []
    assert_same_search(home / "sweep", undisturbed)


@pytest.fixture(scope="module")
def stopping(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a search that stopped trials at a rung, in one process."""
    home = tmp_path_factory.mktemp("stopping")
    write_search(home, **STOPS, search__rungs=[0.5])
    command = Command(home, *SWEEP, "--executor", "local")
    assert command.end() == 0, command.said
    return home / "sweep"


@pytest.mark.parametrize("executor", ["local", "ray"])
def test_a_driver_that_is_killed_at_a_rung_is_resumed_and_stops_the_same_trials(
    home: Path, stopping: Path, executor: str
) -> None:
    write_search(home, **STOPS, search__rungs=[0.5])
    command = Command(home, *SWEEP, "--executor", executor)
    # One trial of the second wave came to the rung, the other one not yet, or was not judged.
    command.wait_for(lambda: next((home / "sweep" / "probes").glob("trial=000[23]/0.5/*.parquet"), None))
    assert command.kill_after(0)
    again = Command(home, "resume", "sweep", "--executor", executor, "--offline-tracking")
    assert again.end() == 0, again.said
    assert command.outlived_by() == []
    assert_same_search(home / "sweep", stopping)
    states = [b'"state": "stopped"' in content for content in trial_values(stopping)]
    assert 1 <= sum(states) < 4
