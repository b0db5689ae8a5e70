"""A real PostgreSQL on 127.0.0.1, for tests: Debian's, with a database of its own in a folder."""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

SERVANTS = ("postgres", "nobody")  # PostgreSQL refuses to run as root


class Postgres:
    """Started with an empty database; its superuser has a password."""

    def __init__(self) -> None:
        """Start it. Skips the test where PostgreSQL or its client in Python is absent."""
        pytest.importorskip("psycopg2", reason="needs psycopg2-binary, MLflow's client of PostgreSQL")
        self._binaries = _binaries()
        self._user = _servant()
        # Not below pytest's folders, which no other user may enter.
        self.folder = Path(tempfile.mkdtemp(prefix="pgan-ray-postgres-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.password = secrets.token_hex(12)
        self.uri = f"postgresql+psycopg2://mlflow:{self.password}@127.0.0.1:{self.port}/postgres"
        (self.folder / "password").write_text(self.password)
        if self._user is not None:
            for path in (self.folder, self.folder / "password"):
                os.chown(path, self._user.pw_uid, self._user.pw_gid)
        self._call(
            "initdb", "--username=mlflow", "--auth=scram-sha-256", f"--pwfile={self.folder}/password", "--no-sync"
        )
        options = f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self.folder} -c fsync=off"
        self._call("pg_ctl", "start", "--wait", f"--log={self.folder}/log", f"--options={options}")

    def stop(self) -> None:
        """End it, and delete what it held."""
        self._call("pg_ctl", "stop", "--mode=immediate")
        shutil.rmtree(self.folder)

    def _call(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), f"--pgdata={self.folder}/data", *arguments]
        # To a file: the server would hold a pipe open for as long as it runs.
        with (self.folder / "output").open("a+") as output:
            ended = subprocess.run(
                command, stdout=output, stderr=output, cwd=self.folder, check=False, **self._as_user()
            )
            output.seek(0)
            assert ended.returncode == 0, output.read()

    def _as_user(self) -> dict[str, Any]:
        user = self._user
        return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _binaries() -> Path:
    """The folder of the newest PostgreSQL here; Debian keeps it out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and not on_path:
        pytest.skip("needs PostgreSQL: Debian's package `postgresql`")
    return found[-1].parent if found else Path(str(on_path)).parent


def _servant() -> pwd.struct_passwd | None:
    """The user to run it as; None for this one."""
    if os.getuid() != 0:
        return None
    for name in SERVANTS:
        with suppress(KeyError):
            return pwd.getpwnam(name)
    pytest.skip("needs a user other than root: PostgreSQL refuses to run as root")
