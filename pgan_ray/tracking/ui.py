"""Where MLflow's UI shows a sweep."""

import json
from collections.abc import Sequence
from urllib.parse import quote

from pgan_ray.errors import TrackingError
from pgan_ray.spec import SweepRecord
from pgan_ray.tracking.connection import EXPERIMENT, look
from pgan_ray.tracking.curves import prefix
from pgan_ray.tracking.runs import Runs
from pgan_ray.tracking.uri import recorded
from pgan_ray.tracking.view import TAG


def links(server: str, uri: str, record: SweepRecord | None = None) -> dict[str, str]:
    """The pages of MLflow's UI at ``server`` on the store at ``uri``, in which nothing is made by looking, by content.

    Raises `TrackingError`, also where the store knows nothing of ``record``'s sweep.
    """
    connection = look(uri, EXPERIMENT)
    page = "" if connection is None else f"{server}/#/experiments/{connection.experiment_id}/runs"
    if record is None:
        return {"the runs": page} if page else {}
    runs = None if connection is None else Runs(connection, record.id)
    if connection is None or runs is None or runs.find(record.id) is None:
        raise TrackingError(
            f"the MLflow store must hold the sweep {record.id}, got nothing of it in {recorded(uri)}: "
            "`pgan-ray track` writes it there; to name another, add --tracking-uri"
        )
    if f"{TAG}{record.id}" in connection.client.get_experiment(connection.experiment_id).tags:
        page += f"?viewStateShareKey={quote(record.id)}"
    pages = {"the runs": page}
    found = [runs.find(f"{record.id}/{configuration.id}") for configuration in record.sweep.configurations]
    ids = [run.id for run in found if run is not None]
    variants = {
        f"{prefix(record.sweep, configuration, variant.id)}/test_error": record.sweep.in_words(variant.id)
        for configuration in record.sweep.configurations
        for variant in configuration.variants
    }
    for metric, variant in variants.items() if ids else ():
        content = f"the error curves of {variant}" if len(variants) > 1 else "the sweep's error curves"
        pages[content] = curves(server, connection.experiment_id, ids, metric)
    return pages


def curves(server: str, experiment: str, runs: Sequence[str], metric: str) -> str:
    """What *Compare* and a click on the metric lead to: one curve for each of the ``runs``."""
    query = {
        "runs": json.dumps(runs),
        "metric": json.dumps(metric),
        "experiments": json.dumps([experiment]),
        "plot_metric_keys": json.dumps([metric]),
        "x_axis": "step",
        "y_axis_scale": "linear",
        "line_smoothness": "1",
        "show_point": "true",
        "deselected_curves": "[]",
        "last_linear_y_axis_range": "[]",
    }
    return f"{server}/#/metric?" + "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
