"""The command beside services that fail: a process to watch, and what it left in its directory and in MLflow."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import psutil

from pgan_ray.results import Store, read_rows
from tests.faults.command import LOOK_S

PGAN_RAY = (sys.executable, "-m", "pgan_ray")
# Of every sweep here: long enough for something to happen to it, and its rows can be compared.
SETTINGS = ("attack.iterations=600", "evaluation.victim.epochs=200", "resources.checkpoint_every_s=0.5")
OUTSIDE = ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "MLFLOW_TRACKING_URI", "PGAN_RAY_DATA", "AWS_ENDPOINT_URL")


@dataclass(frozen=True)
class Ended:
    """What a command ended with, and what it said."""

    code: int
    out: str
    err: str


class Command:
    """`pgan-ray` with ``arguments`` in the directory ``home``; whatever of it still runs at the end is killed."""

    def __init__(
        self,
        *arguments: str,
        home: Path,
        environment: Mapping[str, str] | None = None,
        program: Sequence[str] = PGAN_RAY,
    ) -> None:
        self._out, self._err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - closed in the end
        kept = {name: value for name, value in os.environ.items() if name not in OUTSIDE}
        self._process = subprocess.Popen(
            [*program, *arguments],
            stdout=self._out,
            stderr=self._err,
            cwd=home,
            env=kept | dict(environment or {}),
            start_new_session=True,
        )

    def __enter__(self) -> "Command":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._out.close()
        self._err.close()

    @property
    def runs(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def until(self, happened: Callable[[], object], timeout_s: float = 300) -> None:
        """Wait until something has ``happened``, which must be before the command ends."""
        deadline = time.monotonic() + timeout_s
        while not happened():
            assert self.runs, self._text(self._err)
            assert time.monotonic() < deadline, self._text(self._err)
            time.sleep(LOOK_S)

    def says(self) -> str:
        """Its standard error so far."""
        return self._text(self._err)

    def command_lines(self) -> list[str]:
        """Its own and those of all that it has started, as everybody on the machine may see them."""
        found = []
        itself = psutil.Process(self._process.pid)
        for process in [itself, *itself.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                found.append(" ".join(process.cmdline()))
        return found

    def interrupt(self) -> None:
        """Press Ctrl-C, as a terminal does: its children hear it too."""
        os.killpg(self._process.pid, signal.SIGINT)

    def end(self, timeout_s: float = 400) -> Ended:
        """Wait for its end."""
        code = self._process.wait(timeout_s)
        return Ended(code, self._text(self._out), self._text(self._err))

    @staticmethod
    def _text(file: Any) -> str:
        # Not its own position: the process writes at it.
        return os.pread(file.fileno(), 1 << 24, 0).decode()


def call(*arguments: str, home: Path, environment: Mapping[str, str] | None = None) -> Ended:
    """A command from its start to its end."""
    with Command(*arguments, home=home, environment=environment) as command:
        return command.end()


def sweep(out: str | Path, *options: str) -> tuple[str, ...]:
    """The arguments that run the tiny sweep into ``out``."""
    settings = (part for setting in SETTINGS for part in ("--set", setting))
    return ("sweep", "tiny.yaml", "--out", str(out), *settings, *options)


def scores(store: Store) -> list[dict[str, Any]]:
    """All rows, by cell, less what differs between two runs of one sweep."""
    rows = read_rows(store).drop_columns(["sweep_id", "seconds"])
    return sorted(rows.to_pylist(), key=lambda row: str(row["cell_id"]))


@dataclass(frozen=True)
class Tracked:
    """One of a sweep's runs in MLflow."""

    id: str
    name: str
    status: str
    metrics: dict[str, float]


def tracked(uri: str, store: Store) -> list[Tracked]:
    """The runs in the MLflow at ``uri`` of the sweep in ``store``, by name."""
    from pgan_ray.results import read_sweep

    client = mlflow.MlflowClient(uri)
    experiment = client.get_experiment_by_name("pgan-ray")
    runs = client.search_runs([experiment.experiment_id], f"tags.`pgan.sweep` = '{read_sweep(store).id}'")
    found = [Tracked(run.info.run_id, run.info.run_name, run.info.status, run.data.metrics) for run in runs]
    return sorted(found, key=lambda run: run.name)
