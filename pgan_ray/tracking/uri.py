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
_SQLITE_FILE = re.compile(r"(sqlite(?:\+\w+)?):///(/.+)")


def tracking_uri(option: str | None = None) -> str:
    """``option``, else ``MLFLOW_TRACKING_URI``, else, as MLflow, ``mlflow.db`` in the working directory."""
    uri = option or os.environ.get("MLFLOW_TRACKING_URI") or _default()
    keep_secret(uri)
    return uri


def _default() -> str:
    folder = Path.cwd().as_posix()
    return f"sqlite:///{DATABASE}" if READ_TWO_WAYS.search(folder) else f"sqlite:///{folder}/{DATABASE}"


def tracking_uri_of(facts: Mapping[str, str], option: str | None = None, *, directory: str = ".") -> str:
    """As `tracking_uri`, for the sweep in ``directory``. Raises `TrackingError` where it was tracked elsewhere.

    The directory may be a stranger's: the URI in it is never used, for whoever is there would be given the user's
    password. Where it is not the user's own, the user has to say by ``option`` which of the two it shall be.
    """
    own, kept = tracking_uri(option), _from(directory, facts.get("tracking_uri", ""))
    if option or not kept or recorded(own) == kept:
        return own
    source = "MLFLOW_TRACKING_URI is" if os.environ.get("MLFLOW_TRACKING_URI") else "the default here is"
    hidden = f" with the password in place of {HIDDEN}" if HIDDEN in kept else ""
    raise TrackingError(
        f"--tracking-uri: must be given for a sweep whose directory says that it was tracked in {_shown(kept)}, while "
        f"{source} {_shown(own)}: add --tracking-uri {_typed(kept)}{hidden} to go on there, if you trust it, or "
        f"--tracking-uri {_typed(own)}"
    )


def recorded(uri: str) -> str:
    """``uri`` without secrets, the same from every working directory."""
    relative = _SQLITE.fullmatch(uri)
    if relative:
        uri = f"{relative[1]}:///{_in_uri(Path.cwd())}/{relative[2]}"
    return redact(uri).rstrip("/")


def kept_uri(uri: str, directory: str) -> str:
    """`recorded` as the sweep in ``directory`` keeps it: relative to it where the two are moved together.

    That is a database file in the directory, or one below the working directory when the sweep is there as well.
    """
    uri = recorded(uri)
    file = _SQLITE_FILE.fullmatch(uri)
    if file is None or "://" in directory:
        return uri
    own, here = _in_uri(Path(directory).resolve()), _in_uri(Path.cwd())
    if not any(file[2].startswith(f"{folder}/") and f"{own}/".startswith(f"{folder}/") for folder in (own, here)):
        return uri
    return f"{file[1]}:///{os.path.relpath(file[2], own)}"


def _from(directory: str, kept: str) -> str:
    """What `kept_uri` made of a URI, as `recorded` gives it."""
    relative = _SQLITE.fullmatch(kept)
    if relative and "://" not in directory:
        kept = f"{relative[1]}:///{os.path.normpath(f'{_in_uri(Path(directory).resolve())}/{relative[2]}')}"
    return recorded(kept)


def _in_uri(folder: Path) -> str:
    return READ_TWO_WAYS.sub(lambda found: quote(found[0]), folder.as_posix())


def option_for(uri: str) -> str:
    """What a command about a sweep that is tracked in ``uri`` needs beside the directory: nothing in the usual case."""
    return "" if recorded(uri) == recorded(tracking_uri()) else f" --tracking-uri {_typed(uri)}"


def _shown(uri: str) -> str:
    text = printable_line(recorded(uri))
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _typed(uri: str) -> str:
    return typed(recorded(uri))
