"""The token that Ray's processes on this machine know each other by."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


def make_token() -> None:
    """Make the token that a local Ray would make, unless there is one: Ray's own may be read by everybody.

    Where it cannot be made, Ray tells.
    """
    if os.environ.get("RAY_AUTH_MODE", "token").lower() != "token":
        return
    if os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH"):
        return
    with suppress(OSError, RuntimeError):  # RuntimeError: nobody knows where home is
        place = Path.home() / ".ray" / "auth_token"
        if place.exists():
            return
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = place.with_name(f".{place.name}.{secrets.token_hex(8)}")
        try:
            beside.touch(mode=0o600, exist_ok=False)
            beside.write_text(secrets.token_hex(32))  # as long as Ray's
            with suppress(FileExistsError):  # another one was faster: all must have the same
                place.hardlink_to(beside)
        finally:
            beside.unlink(missing_ok=True)
