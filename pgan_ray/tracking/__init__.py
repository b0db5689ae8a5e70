"""Tracking: everything of a sweep in MLflow, derived from the sweep's directory.

Reads the rows and generator files that `results` keeps, and hands them to an MLflow store or server;
`cluster` tells it what is finished. The directory is the truth: what MLflow missed, `rebuild` brings.
The only room that imports mlflow, and only once a store is used.
"""

from pgan_ray.tracking.connection import existing_store, is_new_database
from pgan_ray.tracking.mlflow_tracker import MlflowTracker
from pgan_ray.tracking.protocol import Tracker
from pgan_ray.tracking.rebuild import rebuild
from pgan_ray.tracking.simple import MemoryTracker, NullTracker
from pgan_ray.tracking.ui import links
from pgan_ray.tracking.uri import kept_uri, option_for, recorded, tracking_uri, tracking_uri_of

__all__ = [
    "MemoryTracker",
    "MlflowTracker",
    "NullTracker",
    "Tracker",
    "existing_store",
    "is_new_database",
    "kept_uri",
    "links",
    "option_for",
    "rebuild",
    "recorded",
    "tracking_uri",
    "tracking_uri_of",
]
