"""A cluster with a token: whoever has it may run a sweep, and nobody else."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgan_ray.results import Store, read_rows
from tests.faults.command import LOOK_S, PATIENCE_S
from tests.faults.head import Head
from tests.faults.services import Command, Ended, call, scores
from tests.tiny import CELLS

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def head(shared_home: Path) -> Iterator[Head]:
    """A running head."""
    started = Head(shared_home)
    yield started
    started.stop()


def submit(head: Head, out: Path, *options: str) -> tuple[str, ...]:
    return ("submit", "tiny.yaml", "--address", head.jobs, "--out", str(out), *options)


def test_with_the_token_a_sweep_is_submitted_and_left_alone(head: Head, shared_home: Path) -> None:
    out = shared_home / "waited"
    waited = call(
        *submit(head, out, "--wait", "--set", "attack.iterations=10"), home=shared_home, environment=head.credentials
    )
    assert waited.code == 0, waited.err
    assert "complete after" in waited.err
    assert json.loads((out / "summary.json").read_text())["outcome"] == "complete"
    assert len(scores(Store(out))) == CELLS

    out = shared_home / "left"
    arguments = submit(head, out, "--wait", "--set", "attack.iterations=300")
    with Command(*arguments, home=shared_home, environment=head.credentials) as command:
        command.until(lambda: (out / "sweep.yaml").exists())
        assert not (out / "summary.json").exists()
        command.interrupt()
        left = command.end()
    assert left.code == 130, left.err
    assert "the job continues; to stop it: ray job stop tiny-" in left.err
    assert "Traceback" not in left.err
    deadline = time.monotonic() + PATIENCE_S
    while not (out / "summary.json").exists():
        assert time.monotonic() < deadline
        time.sleep(LOOK_S)
    assert json.loads((out / "summary.json").read_text())["outcome"] == "complete"


def test_a_package_of_ones_own_travels_with_its_sweep(head: Head, shared_home: Path) -> None:
    package = shared_home / "my_victims"
    package.mkdir()
    (package / "__init__.py").write_text("from sklearn.tree import DecisionTreeClassifier as Tree\n")
    victim = ("--set", "evaluation.victim={name: 'my_victims:Tree', max_depth: 3}", "--set", "attack.iterations=10")
    out = shared_home / "packaged"
    sent = call(
        *submit(head, out, "--wait", *victim, "--package", str(package)), home=shared_home, environment=head.credentials
    )
    assert sent.code == 0, sent.err
    assert {row["victim"] for row in read_rows(Store(out)).to_pylist()} == {"my_victims:Tree"}


@pytest.mark.parametrize("credentials", ["wrong", "none"])
def test_without_the_token_no_job_is_taken(head: Head, shared_home: Path, credentials: str) -> None:
    ended = call(*submit(head, shared_home / credentials), home=shared_home, environment=stranger(credentials))
    assert_refused(ended, f"the Ray job server at {head.jobs} must take the sweep")
    assert not (shared_home / credentials).exists()


@pytest.mark.parametrize("credentials", ["wrong", "none"])
def test_without_the_token_no_driver_joins(head: Head, shared_home: Path, credentials: str) -> None:
    arguments = ("sweep", "tiny.yaml", "--address", head.address, "--offline-tracking", "--out", credentials)
    ended = call(*arguments, home=shared_home, environment=stranger(credentials))
    assert_refused(ended, f"the Ray cluster at {head.address} must answer")
    assert not (shared_home / credentials / "sweep.yaml").exists()


def stranger(credentials: str) -> dict[str, str]:
    """The environment of a client without the token."""
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64} if credentials == "wrong" else {}


def assert_refused(ended: Ended, message: str) -> None:
    assert ended.code == 2, ended.err
    errors = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, ended.err
    assert message in errors[0]
    assert "RAY_AUTH_TOKEN" in errors[0], "what to do"
    assert "Traceback" not in ended.err
