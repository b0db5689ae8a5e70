"""One cluster, whose worker nodes each test adds, and one sweep that nothing happened to."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.command import Command
from tests.faults.nodes import Nodes, cluster_of_nodes
from tests.tiny import write_tiny

# Nodes announce GPUs that are not there.
os.environ["PGAN_RAY_DEVICE"] = "cpu"

# Long enough to look at a stage and to disturb it; with members given, stacks and bits are the same on every cluster.
SETTINGS = (
    "attack.iterations=2000",
    "evaluation.victim.epochs=1500",
    "resources.checkpoint_every_s=0.5",
    "resources.trial.members_per_actor=1",
    "resources.evaluator.members_per_actor=2",
)
SWEEP = ("sweep", "tiny.yaml", "--out", "sweep", *(part for setting in SETTINGS for part in ("--set", setting)))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Nodes]:
    with cluster_of_nodes() as nodes:
        yield nodes


@pytest.fixture
def nodes(cluster: Nodes) -> Iterator[Nodes]:
    """A cluster without worker nodes yet."""
    yield cluster
    cluster.clear()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A working directory with the tiny sweep in it."""
    write_tiny(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Likewise, one for all tests of a module: their sweeps have directories of their own in it."""
    folder = tmp_path_factory.mktemp("home")
    write_tiny(folder)
    return folder


@dataclass(frozen=True)
class Undisturbed:
    """The sweep that nothing happened to. ``seconds``: what its command took."""

    home: Path
    seconds: float

    @property
    def directory(self) -> Path:
        return self.home / "sweep"


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    home = tmp_path_factory.mktemp("undisturbed")
    write_tiny(home)
    began = time.monotonic()
    command = Command(home, *SWEEP)
    assert command.end() == 0, command.said
    return Undisturbed(home, time.monotonic() - began)
