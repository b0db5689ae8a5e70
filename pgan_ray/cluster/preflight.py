"""What Ray would meet with a traceback, or a wait of minutes, where it is not there: looked at before it starts."""

import os
import socket
import tempfile
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path

from pgan_ray.cluster.token import bring_token
from pgan_ray.errors import ClusterError, SpecError
from pgan_ray.results import redact
from pgan_ray.runner.machine import faults_here, gpus_here
from pgan_ray.spec import ResourcesSpec

PROBE_S = 15.0  # for an address, after which it is told
# gRPC is HTTP/2: a client opens with these bytes and its settings, and a server answers with a frame of settings.
OPENING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0"
FRAME_HEAD, SETTINGS = 9, 4
# As Ray names the longest of its sockets, below its folder of temporary files.
SOCKET = "ray/session_2026-01-02_03-04-05_678901_{pid}/sockets/plasma_store"
SOCKET_BYTES = 107  # of a path, to Linux; 103 to macOS
FOLDER_VARIABLES = ("RAY_TMPDIR", "TMPDIR")


def check_cluster(resources: ResourcesSpec, address: str | None, *, expects_gpus: bool = False) -> None:
    """See, before anything starts, that the cluster to join answers, or that this machine can hold every actor.

    Resources of a cluster that is joined are not looked at: it may grow. Raises `ClusterError`, `SpecError`.
    """
    to_join = cluster_address(address)
    if to_join:
        check_address(to_join)
        return
    faults = []
    if expects_gpus and not gpus_here():
        faults.append("--expect-gpus: must go with a cluster that has an autoscaler, got only this machine")
    faults += faults_here(resources)
    if faults:
        raise SpecError(faults)
    check_machine()


def cluster_address(address: str | None) -> str | None:
    """The cluster to join: ``address``, else ``RAY_ADDRESS``; None for a local one."""
    return address or os.environ.get("RAY_ADDRESS") or None


def check_address(address: str) -> None:
    """See that Ray answers at ``address``, within `PROBE_S`: Ray itself tries for minutes. Raises `ClusterError`."""
    scheme, _, rest = address.rpartition("://")
    host, colon, port = rest.rpartition(":")
    if scheme in ("", "ray") and not colon and address not in ("auto", "local"):
        if not scheme:
            raise _silent(address, "no port: add the one that `ray start` printed, as in 10.0.0.1:6379")
        return  # Ray knows the port that its client server listens on
    if not port.isdigit() or scheme not in ("", "ray"):
        return  # Ray's own words are quick and clear
    try:
        answer = _answer(host.strip("[]"), int(port))
    except (OSError, OverflowError) as error:
        raise _silent(address, str(error)) from None
    if answer is not None and (len(answer) < FRAME_HEAD or answer[3] != SETTINGS):
        got = "a server that closed the connection" if not answer else "another kind of server"
        raise _silent(address, f"{got} (Ray's port is 6379 unless `ray start` was given another)")


def _answer(host: str, port: int) -> bytes | None:
    """What is said to somebody who speaks Ray's protocol; None where that is encrypted."""
    with socket.create_connection((host, port), timeout=PROBE_S) as connection:
        if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
            return None
        connection.sendall(OPENING)
        answer = b""
        while len(answer) < FRAME_HEAD and (more := connection.recv(FRAME_HEAD - len(answer))):
            answer += more
        return answer


def _silent(address: str, got: str) -> ClusterError:
    return ClusterError(f"the Ray cluster at {redact(address)} must answer, got {got}")


def check_job_server(address: str) -> None:
    """See that a web server answers at ``address``, within `PROBE_S`: Ray waits for one without end.

    Raises `ClusterError`.
    """
    if not address.startswith(("http://", "https://")):
        return  # Ray says what it takes
    try:
        urllib.request.urlopen(f"{address.rstrip('/')}/api/version", timeout=PROBE_S).close()
    except urllib.error.HTTPError:
        return  # such as one that asks for a token
    except (OSError, ValueError, HTTPException) as error:
        raise ClusterError(f"the Ray job server at {redact(address)} must answer, got {redact(str(error))}") from None


def check_machine() -> None:
    """See that Ray can start here: its temporary files have a place, and its token. Raises `ClusterError`."""
    variable, folder = _temporary_folder()
    where = f"{variable} ({folder})" if variable else str(folder)
    if not folder.is_absolute():
        raise ClusterError(f"{where}: must be an absolute path for Ray's temporary files")
    room = SOCKET_BYTES - len(f"/{SOCKET.format(pid=os.getpid())}")
    length = len(os.fsencode(folder))
    if length > room:
        raise ClusterError(
            f"{where}: must be a path of at most {room} bytes, because the system limits the length of socket names, "
            f"got {length}: set RAY_TMPDIR to a shorter path"
        )
    try:
        Path(folder, "ray").mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=Path(folder, "ray")) as file:
            file.write(bytes(1 << 16))
    except OSError as error:
        raise ClusterError(
            f"{where}: must be a folder for Ray's temporary files, got {error}: set RAY_TMPDIR to another one"
        ) from None
    bring_token()


def _temporary_folder() -> tuple[str, Path]:
    """Where Ray puts its files, and the variable that says so."""
    for name in FOLDER_VARIABLES:
        if name in os.environ:
            return name, Path(os.environ[name])
    return "", Path("/tmp")
