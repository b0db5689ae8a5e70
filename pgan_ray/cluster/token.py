"""The token that Ray's processes on this machine know each other by."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

VARIABLES = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


def bring_token() -> None:
    """Make the token that a local Ray would make, unless there is one: everybody may read Ray's own.

    It is in the environment alone where Ray could keep none: without a home, as containers may be run.
    """
    if os.environ.get("RAY_AUTH_MODE", "token").lower() != "token" or any(name in os.environ for name in VARIABLES):
        return
    token = secrets.token_hex(32)  # as long as Ray's
    try:
        _keep(token, Path.home() / ".ray" / "auth_token")
    except (OSError, RuntimeError):  # the latter of a user without a home
        os.environ["RAY_AUTH_TOKEN"] = token


def _keep(token: str, place: Path) -> None:
    if place.is_file():
        return
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = place.with_name(f".{place.name}.{secrets.token_hex(8)}")
    try:
        beside.touch(mode=0o600, exist_ok=False)
        beside.write_text(token)
        with suppress(FileExistsError):  # another one was faster: all must have the same
            place.hardlink_to(beside)
    finally:
        beside.unlink(missing_ok=True)
