"""A head that is lost, and the driver on it: the sweep is resumed on another, with and without Ray's Redis."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from tests.faults.compare import assert_same_results
from tests.faults.conftest import SWEEP, Undisturbed
from tests.faults.head import Head, free_ports
from tests.faults.services import Command, call

pytestmark = pytest.mark.cluster


@contextmanager
def redis(folder: Path) -> Iterator[dict[str, str]]:
    """Redis on 127.0.0.1, which keeps nothing on disk; within: what a head's environment needs to use it."""
    (port,) = free_ports(1)
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield {"RAY_REDIS_ADDRESS": f"127.0.0.1:{port}"}
    finally:
        server.terminate()
        server.wait()


@contextmanager
def worker_of(head: Head, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker node with two CPUs, until it ends by itself or this does."""
    command = [str(Path(sys.executable).with_name("ray")), "start", f"--address={head.address}", "--block"]
    with (folder / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [*command, "--node-ip-address=127.0.0.1", "--num-cpus=2"],
            stdout=log,
            stderr=log,
            env=os.environ | head.credentials,
        )
    try:
        yield worker
    finally:
        for process in psutil.Process(worker.pid).children(recursive=True) if worker.poll() is None else []:
            process.kill()
        worker.kill()
        worker.wait()


def test_a_driver_without_its_head_ends_and_is_resumed_on_another_cluster_to_the_same_bits(
    home: Path, undisturbed: Undisturbed
) -> None:
    with ExitStack() as stack:
        head = Head(home, cpus=0)
        stack.callback(head.clean)
        stack.enter_context(worker_of(head, home))
        with begun(head, home) as command:
            head.lose()
            lost = command.end()
        assert lost.code != 0
        assert "Failed to connect to GCS" in lost.err  # Ray ends a process whose head is away for a minute
        new = Head(home)
        stack.callback(new.stop)
        assert_resumed(new, home, undisturbed)


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server")
def test_with_redis_the_workers_of_a_lost_head_join_the_next_one_and_the_sweep_is_resumed_on_them(
    home: Path, undisturbed: Undisturbed
) -> None:
    with ExitStack() as stack:
        keeps = stack.enter_context(redis(home))
        head = Head(home, cpus=0, environment=keeps)
        stack.callback(head.clean)
        worker = stack.enter_context(worker_of(head, home))
        with begun(head, home):  # the driver is lost with the head, as it is on the same machine
            head.lose()
        new = Head(home, cpus=0, port=head.ports["port"], token=head.token, environment=keeps)
        stack.callback(new.stop)
        assert_resumed(new, home, undisturbed)
        assert worker.poll() is None  # the head has no CPU: it did all the work


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server")
def test_with_redis_a_driver_that_was_attached_to_the_lost_head_ends_when_the_next_one_is_there(home: Path) -> None:
    with ExitStack() as stack:
        keeps = stack.enter_context(redis(home))
        head = Head(home, cpus=0, environment=keeps)
        stack.callback(head.clean)
        stack.enter_context(worker_of(head, home))
        with begun(head, home) as command:
            head.lose()
            new = Head(home, cpus=0, port=head.ports["port"], token=head.token, environment=keeps)
            stack.callback(new.stop)
            ended = command.end()
        assert ended.code == 1, ended.err
        assert "the node that the driver was attached to" in ended.err
        assert "pgan-ray resume" in ended.err


@contextmanager
def begun(head: Head, home: Path) -> Iterator[Command]:
    """A sweep on the cluster of ``head`` that has a checkpoint; killed in the end."""
    arguments = (*SWEEP, "--address", head.address, "--offline-tracking")
    with Command(*arguments, home=home, environment=head.credentials) as command:
        command.until(lambda: any((home / "sweep/tune").rglob("progress.json")))
        yield command


def assert_resumed(head: Head, home: Path, undisturbed: Undisturbed) -> None:
    """The sweep is not finished; resumed on the cluster of ``head``, it ends as if nothing had happened."""
    assert not (home / "sweep/summary.json").exists()
    arguments = ("resume", "sweep", "--address", head.address)
    resumed = call(*arguments, home=home, environment=head.credentials)
    assert resumed.code == 0, resumed.err
    assert_same_results(home / "sweep", undisturbed.directory)
