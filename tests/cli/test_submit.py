"""What `pgan-ray submit` refuses before anything is sent; and what it hands on of a job that runs."""

import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pgan_ray.cluster import submit as module
from pgan_ray.cluster.submit import SubmittedSweep
from pgan_ray.errors import ClusterError
from tests.cli.here import call_here
from tests.tiny import write_tiny


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", "attack.alpha=2"), "--set attack.alpha: must be at most 1, got 2"),
        (("--profile", "quick"), "the profile must be one of body, got 'quick'"),
        (
            ("--tracking-uri", "http://me:secret@host:5000"),
            "--tracking-uri http://***@host:5000: must not hold a secret",
        ),
        (("--package", "nowhere"), "--package nowhere: must be the folder of a Python package, with an __init__.py"),
        ((), "the Ray job server at http://127.0.0.1:"),
    ],
)
def test_a_users_mistake_is_one_error(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    ended = call_here("submit", str(write_tiny(tmp_path)), "--address", address, "--out", "s3://bucket/x", *arguments)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert "secret@" not in ended.stderr
    assert "Traceback" not in ended.stderr


class Server:
    """A job server that answers in turn with (status, log), or fails."""

    def __init__(self, *answers: tuple[str, str] | Exception) -> None:
        self.answers = list(answers)

    def get_job_info(self, job_id: str) -> Any:
        if isinstance(self.answers[0], Exception):
            raise self.answers.pop(0)  # type: ignore[misc]
        return SimpleNamespace(status=self.answers[0][0], driver_exit_code=1 if "FAILED" in self.answers[0] else None)

    def get_job_logs(self, job_id: str) -> str:
        _, log = self.answers.pop(0)  # type: ignore[misc]
        return log


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_S", 0.01)


def test_the_output_is_handed_on_as_it_comes_also_over_a_line_that_breaks_off() -> None:
    shown: list[str] = []
    server = Server(("RUNNING", "a"), ConnectionError("gone"), ("RUNNING", "ab"), ("SUCCEEDED", "abc"))
    assert SubmittedSweep(server, "job").wait(shown.append) == 0
    assert shown == ["a", "b", "c"]


@pytest.mark.parametrize(("status", "code"), [("SUCCEEDED", 0), ("FAILED", 1), ("STOPPED", 130)])
def test_it_ends_as_the_job_does(status: str, code: int) -> None:
    assert SubmittedSweep(Server((status, "")), "job").wait(print) == code


def test_a_server_that_stays_away_is_told_with_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AWAY_S", 0.05)
    with pytest.raises(ClusterError, match=r"job job-7 runs \(the job itself may still run\), got gone"):
        SubmittedSweep(Server(*[ConnectionError("gone")] * 100), "job-7").wait(print)
