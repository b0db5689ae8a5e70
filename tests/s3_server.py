"""A real S3 server on 127.0.0.1, for tests, which is overloaded when asked to be."""

import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

START_S = 60.0
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "no_proxy": "127.0.0.1",
}
SLOW_DOWN = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)


class S3Server:
    """moto's, in a process of its own: its threads and warnings are not ours."""

    def __init__(self) -> None:
        """Start it and wait until it answers."""
        pytest.importorskip("moto.server", reason="needs moto[server] for an S3 server on this machine")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._folder = tempfile.TemporaryDirectory()
        self._busy, self._refused = Path(self._folder.name, "busy"), Path(self._folder.name, "refused")
        command = [sys.executable, __file__, str(self.port), str(self._busy), str(self._refused)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                assert self._process.poll() is None, "the S3 server ended"
                assert time.monotonic() < end, "the S3 server did not start"
                time.sleep(0.05)

    def bucket(self) -> str:
        """The name of a new bucket."""
        name = f"b{uuid.uuid4().hex}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        opener.open(urllib.request.Request(f"{self.address}/{name}", method="PUT")).close()
        return name

    @property
    def options(self) -> str:
        """What a location on this server ends with, where no environment variable names it."""
        return f"?endpoint_override=127.0.0.1:{self.port}&scheme=http"

    @contextmanager
    def overloaded(self) -> Iterator[None]:
        """Within: every request is answered as S3 does under load, with 503 and `SlowDown`."""
        self._busy.touch()
        try:
            yield
        finally:
            self._busy.unlink()

    def refused(self) -> list[str]:
        """Method and path of every request that met an overloaded server."""
        return self._refused.read_text().splitlines() if self._refused.exists() else []

    def stop(self) -> None:
        """End it; what it held is gone."""
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()


def _serve(port: int, busy: str, refused: str) -> None:
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import run_simple

    serve = DomainDispatcherApplication(create_backend_app)

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if not Path(busy).exists():
            return serve(environ, start_response)
        with Path(refused).open("a") as log:
            log.write(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}\n")
        start_response("503 Slow Down", [("Content-Type", "application/xml")])
        return [SLOW_DOWN]

    run_simple("127.0.0.1", port, answer, threaded=True)


if __name__ == "__main__":
    _serve(int(sys.argv[1]), sys.argv[2], sys.argv[3])
