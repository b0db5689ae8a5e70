"""Which MLflow: the tracking URI, and how to show it without its secrets."""

import os
from collections.abc import Mapping
from pathlib import Path

from pgan_ray.results.redact import HIDDEN


def tracking_uri(option: str | None = None) -> str:
    """``option``, else ``MLFLOW_TRACKING_URI``, else, as MLflow, ``mlflow.db`` in the working directory."""
    return option or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(Path.cwd() / 'mlflow.db').as_posix()}"


def tracking_uri_of(facts: Mapping[str, str], option: str | None = None) -> str:
    """``option``, else where the sweep with these ``facts`` was tracked, if that was kept whole; else the default."""
    kept = facts.get("tracking_uri", "")
    return tracking_uri(option or (kept if HIDDEN not in kept else None))
