"""Which MLflow: the tracking URI, and how to show it without its secrets."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

HIDDEN = "***"
_USER_INFO = re.compile(r"(?<=://)[^/\s'\"]*@")
_QUERY_SECRET = re.compile(
    r"([?&][\w.-]*(?:token|password|passwd|secret|key|signature|credential|sig)[\w.-]*=)[^&\s'\"]+",
    re.IGNORECASE,
)
_SECRET_VARIABLES = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")


def tracking_uri(option: str | None = None) -> str:
    """``option``, else ``MLFLOW_TRACKING_URI``, else, as MLflow, ``mlflow.db`` in the working directory."""
    return option or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(Path.cwd() / 'mlflow.db').as_posix()}"


def tracking_uri_of(facts: Mapping[str, str], option: str | None = None) -> str:
    """``option``, else where the sweep with these ``facts`` was tracked, if that was kept whole; else the default."""
    kept = facts.get("tracking_uri", "")
    return tracking_uri(option or (kept if HIDDEN not in kept else None))


def redact(text: str) -> str:
    """``text`` without the passwords and tokens of the URIs in it, and of MLflow's environment variables."""
    for variable in _SECRET_VARIABLES:
        secret = os.environ.get(variable)
        if secret:
            text = text.replace(secret, HIDDEN)
    return _QUERY_SECRET.sub(rf"\1{HIDDEN}", _USER_INFO.sub(f"{HIDDEN}@", text))
