"""Which MLflow: the user's word counts, and never what a directory says alone."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from pgan_ray.errors import TrackingError
from pgan_ray.results.redact import HIDDEN, keep_secret, redact
from pgan_ray.text import printable_line, typed

DATABASE = "mlflow.db"
LONGEST_SHOWN = 300
# SQLAlchemy takes these in a path for what they are in a URI; MLflow, which makes the folder, does not.
READ_TWO_WAYS = re.compile(r"[%?]")
_SQLITE = re.compile(r"(sqlite(?:\+\w+)?):///(?!/)(?!:memory:)(?!file:)(.+)")


def tracking_uri(option: str | None = None) -> str:
    """``option``, else ``MLFLOW_TRACKING_URI``, else, as MLflow, ``mlflow.db`` in the working directory."""
    uri = option or os.environ.get("MLFLOW_TRACKING_URI") or _default()
    keep_secret(uri)
    return uri


def _default() -> str:
    folder = Path.cwd().as_posix()
    return f"sqlite:///{DATABASE}" if READ_TWO_WAYS.search(folder) else f"sqlite:///{folder}/{DATABASE}"


def tracking_uri_of(facts: Mapping[str, str], option: str | None = None) -> str:
    """As `tracking_uri`, for a sweep with these ``facts``. Raises `TrackingError` where it was tracked elsewhere.

    The directory may be a stranger's: the URI in it is never used, for whoever is there would be given the user's
    password. Where it is not the user's own, the user has to say by ``option`` which of the two it shall be.
    """
    own, kept = tracking_uri(option), facts.get("tracking_uri")
    if option or not kept or recorded(own) == recorded(kept):
        return own
    source = "MLFLOW_TRACKING_URI is" if os.environ.get("MLFLOW_TRACKING_URI") else "the default here is"
    hidden = f" with the password in place of {HIDDEN}" if HIDDEN in kept else ""
    raise TrackingError(
        f"--tracking-uri: must be given for a sweep whose directory says that it was tracked in {_shown(kept)}, while "
        f"{source} {_shown(own)}: add --tracking-uri {_typed(kept)}{hidden} to go on there, if you trust it, or "
        f"--tracking-uri {_typed(own)}"
    )


def recorded(uri: str) -> str:
    """``uri`` as the sweep's directory keeps it: without secrets, the same from every working directory."""
    relative = _SQLITE.fullmatch(uri)
    if relative:
        folder = Path.cwd().as_posix()
        # Of a URI, which `relative` is already.
        uri = f"{relative[1]}:///{READ_TWO_WAYS.sub(lambda found: quote(found[0]), folder)}/{relative[2]}"
    return redact(uri).rstrip("/")


def option_for(uri: str) -> str:
    """What a command about a sweep that is tracked in ``uri`` needs beside the directory: nothing in the usual case."""
    return "" if recorded(uri) == recorded(tracking_uri()) else f" --tracking-uri {_typed(uri)}"


def _shown(uri: str) -> str:
    text = printable_line(recorded(uri))
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _typed(uri: str) -> str:
    return typed(recorded(uri))
