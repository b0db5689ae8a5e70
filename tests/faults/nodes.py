"""A real Ray cluster of several nodes, all of them processes of this machine; nodes come and go as a test says."""

import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psutil
import pytest
from ray._private.authentication_test_utils import reset_auth_token_state
from ray.cluster_utils import Cluster

TRIAL, EVALUATOR = "Trainable.train", "Evaluator.evaluate"
"""What Ray calls the processes that are at work for a stage."""


@dataclass(frozen=True)
class Node:
    """A worker node: its raylet, below which its worker processes are."""

    of_ray: Any

    def works_on(self, title: str) -> bool:
        """Whether a process of this node is at work on what `TRIAL` or `EVALUATOR` names."""
        return at_work(self._raylet, title)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to all its processes, the raylet first: it would start others."""
        raylet = psutil.Process(self._raylet)
        for process in [raylet, *raylet.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    @property
    def _raylet(self) -> int:
        (raylet,) = self.of_ray.all_processes["raylet"]
        return int(raylet.process.pid)


class Nodes:
    """A head without CPUs, and the worker nodes that are added to it. Whoever joins needs the token."""

    def __init__(self) -> None:
        self._cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        self._workers: list[Node] = []

    @property
    def address(self) -> str:
        """Where to join it."""
        return f"127.0.0.1:{self._cluster.address.rpartition(':')[2]}"

    def add(self, cpus: int = 1, gpus: int = 0) -> Node:
        """One node more; ``gpus`` are announced and not there."""
        node = Node(self._cluster.add_node(num_cpus=cpus, num_gpus=gpus))
        self._workers.append(node)
        return node

    def remove(self, node: Node) -> None:
        """Take a node away as a machine that is switched off: its workers do not outlive its raylet."""
        self._workers.remove(node)
        node.send(signal.SIGSTOP)
        node.send(signal.SIGKILL)
        self._cluster.remove_node(node.of_ray, allow_graceful=False)

    def remove_at_work(self, title: str) -> Node | None:
        """Take away a node in the midst of what ``title`` names, which is lost with it; None where no node is."""
        for node in self._workers:
            if node.works_on(title):
                node.send(signal.SIGSTOP)
                if node.works_on(title):  # it did not end in between
                    self.remove(node)
                    return node
                node.send(signal.SIGCONT)
        return None

    def clear(self) -> None:
        """Let all worker nodes leave: one that is lost is still counted for a while, by the next test's sweep too."""
        while self._workers:
            self._cluster.remove_node(self._workers.pop().of_ray)

    def stop(self) -> None:
        """End the cluster."""
        self._cluster.shutdown()


@contextmanager
def cluster_of_nodes() -> Iterator[Nodes]:
    """Within: a cluster, with the environment that joining it takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        reset_auth_token_state()  # Ray reads the environment once, when it is imported
        nodes = Nodes()
        try:
            yield nodes
        finally:
            nodes.stop()
    reset_auth_token_state()


def at_work(raylet: int, title: str) -> bool:
    """Whether a process of the node with this raylet is at work on what ``title`` names."""
    with suppress(psutil.NoSuchProcess):
        return any(title in word for worker in psutil.Process(raylet).children() for word in _title(worker))
    return False


def _title(process: psutil.Process) -> list[str]:
    with suppress(psutil.NoSuchProcess):
        return process.cmdline()
    return []
