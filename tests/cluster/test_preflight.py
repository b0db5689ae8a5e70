"""What Ray would answer with a traceback, or not for minutes, is one line before it starts."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pgan_ray.cluster import preflight
from pgan_ray.cluster.preflight import check_address, check_job_server, check_machine
from pgan_ray.cluster.submit import submit
from pgan_ray.errors import ClusterError
from tests.listeners import http, listener

SETTINGS = b"\0\0\x06\x04\0\0\0\0\0\0\x04\0\x40\0\0"  # as a gRPC server begins


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_TMPDIR", "TMPDIR", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_USE_TLS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(preflight, "PROBE_S", 0.5)


@pytest.mark.parametrize("scheme", ["", "ray://"])
@pytest.mark.parametrize(
    ("answer", "got"),
    [
        (None, "timed out"),
        (b"", "a server that closed the connection"),
        (http("400 Bad Request"), "another kind of server"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "another kind of server"),
    ],
)
def test_what_is_not_ray_is_told_soon(answer: bytes | None, got: str, scheme: str) -> None:
    with listener(answer) as port, pytest.raises(ClusterError, match=f"127.0.0.1:{port} must answer, got {got}"):
        check_address(f"{scheme}127.0.0.1:{port}")


def test_what_speaks_rays_protocol_passes() -> None:
    with listener(SETTINGS) as port:
        check_address(f"127.0.0.1:{port}")
        check_address(f"ray://127.0.0.1:{port}")


def test_what_is_encrypted_is_only_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_USE_TLS", "1")
    with listener(None) as port:
        check_address(f"127.0.0.1:{port}")


@pytest.mark.parametrize("address", ["auto", "local", "ray://head"])
def test_addresses_without_a_port_that_ray_knows_pass(address: str) -> None:
    check_address(address)


def test_an_address_without_a_port_is_told_what_it_lacks() -> None:
    with pytest.raises(ClusterError, match=r"the Ray cluster at head must answer, got no port: .* 10\.0\.0\.1:6379"):
        check_address("head")


@pytest.mark.parametrize(("answer", "got"), [(None, "timed out"), (b"SSH-2.0-x\r\n", "SSH-2.0-x")])
def test_a_job_server_that_is_none_is_told_soon(answer: bytes | None, got: str) -> None:
    with listener(answer) as port:
        address = f"http://127.0.0.1:{port}"
        with pytest.raises(ClusterError, match=f"the Ray job server at {address} must answer, got .*{got}"):
            submit(address, "id", "", [])


@pytest.mark.parametrize("status", ["200 OK", "401 Unauthorized"])
def test_a_web_server_is_left_to_ray(status: str) -> None:
    with listener(http(status)) as port:
        check_job_server(f"http://127.0.0.1:{port}")


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Ray's sockets need one with a short name, which pytest's own are not."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


@pytest.mark.parametrize("variable", ["TMPDIR", "RAY_TMPDIR"])
def test_a_folder_for_temporary_files(variable: str, short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = short_folder / "file"
    file.touch()
    unusable: Mapping[str, str] = {
        str(file): f"{variable} .{file}.: must be a folder for Ray's temporary files, got .*Not a directory",
        "/proc/nowhere": "must be a folder for Ray's temporary files, got .*No such file or directory",
        "relative": r"\(relative\): must be an absolute path",
        "/tmp/" + 60 * "x": "must be a path of at most [0-9]+ bytes, .* got 65: set RAY_TMPDIR to a shorter path",
    }
    for value, line in unusable.items():
        monkeypatch.setenv(variable, value)
        with pytest.raises(ClusterError, match=line) as refused:
            check_machine()
        assert len(str(refused.value).splitlines()) == 1
    assert not Path("/tmp/" + 60 * "x").exists()


def test_a_folder_that_is_not_there_yet_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "SOCKET_BYTES", 200)  # pytest's own folders have long names
    monkeypatch.setenv("TMPDIR", str(tmp_path / "new"))
    check_machine()
    assert (tmp_path / "new").is_dir()


def test_the_longest_folder_is_one_that_ray_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray._private.utils import validate_socket_filepath

    longest = preflight.SOCKET_BYTES - len(f"/{preflight.SOCKET.format(pid=os.getpid())}")
    socket = f"/{preflight.SOCKET.format(pid=os.getpid())}"
    validate_socket_filepath(longest * "x" + socket)
    with pytest.raises(OSError, match="AF_UNIX path length"):
        validate_socket_filepath((longest + 1) * "x" + socket)


def test_without_a_home_ray_is_given_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    check_machine()
    assert "RAY_AUTH_TOKEN" not in os.environ  # it is kept where Ray looks for it
    monkeypatch.setenv("HOME", "/proc/nowhere")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    check_machine()
    assert "RAY_AUTH_TOKEN" not in os.environ
    monkeypatch.delenv("RAY_AUTH_MODE")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "")  # so that what is set is taken back
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    check_machine()
    assert len(os.environ["RAY_AUTH_TOKEN"]) == 64
