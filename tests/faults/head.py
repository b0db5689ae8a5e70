"""A real head node with Ray's job server, which lets nobody in without the token."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

START_S = 120.0
PORTS = (
    "port",
    "dashboard-port",
    "dashboard-agent-listen-port",
    "dashboard-agent-grpc-port",
    "runtime-env-agent-port",
    "metrics-export-port",
    "ray-client-server-port",
)


class Head:
    """`ray start --head` on 127.0.0.1, with ports that nobody else has."""

    def __init__(
        self,
        folder: Path,
        *options: str,
        cpus: int = 2,
        port: int | None = None,
        token: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it and wait until its job server answers. ``folder``: for its log; ``port``: where clients join it.

        ``port`` and ``token`` of one that was lost: another in its place.
        """
        pytest.importorskip("aiohttp_cors", reason="needs ray[default] for a job server")
        self.token = token or secrets.token_hex(32)
        found = free_ports(len(PORTS))
        self.ports = dict(zip(PORTS, found, strict=True)) | ({"port": port} if port else {})
        self.address = f"127.0.0.1:{self.ports['port']}"
        self.jobs = f"http://127.0.0.1:{self.ports['dashboard-port']}"
        # Ray's sockets are below it: their paths must be short.
        self._session = tempfile.TemporaryDirectory(prefix="ray-")
        # The command beside this Python, as its own name for a program says little on other machines.
        command = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--disable-usage-stats"]
        command += ["--node-ip-address=127.0.0.1", "--dashboard-host=127.0.0.1", f"--num-cpus={cpus}", *options]
        command += ["--include-dashboard=true", f"--temp-dir={self._session.name}"]
        command += [f"--{name}={port}" for name, port in self.ports.items()]
        self._log = folder / "head.log"
        # Its jobs call `python`, as those of any cluster.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=os.environ | {"PATH": path} | self.credentials | dict(environment or {}),
                start_new_session=True,
            )
        self._await()

    @property
    def credentials(self) -> dict[str, str]:
        """What a client's environment needs."""
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token}

    def _await(self) -> None:
        deadline = time.monotonic() + START_S
        asked = urllib.request.Request(f"{self.jobs}/api/version", headers={"Authorization": f"Bearer {self.token}"})
        while True:
            try:
                urllib.request.urlopen(asked, timeout=5).close()
                return
            except OSError:
                assert self._process.poll() is None, self._log.read_text()
                assert time.monotonic() < deadline, self._log.read_text()
                time.sleep(0.2)

    def processes(self) -> list[psutil.Process]:
        """All that it started and that still runs."""
        return psutil.Process(self._process.pid).children(recursive=True)

    def lose(self) -> None:
        """Take it away as a machine that is switched off, with all that it started."""
        for process in [psutil.Process(self._process.pid), *self.processes()]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it, with all that it started."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self.clean()

    def clean(self) -> None:
        """Remove what one that was lost has left."""
        self._session.cleanup()


def free_ports(number: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens at, all different."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
