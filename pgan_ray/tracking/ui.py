"""Where MLflow's UI shows a sweep."""

import json
from urllib.parse import quote

from pgan_ray.spec import SweepRecord
from pgan_ray.tracking.connection import EXPERIMENT, look
from pgan_ray.tracking.runs import Runs

CURVE = "victim/test_error"


def curve_link(server: str, uri: str, record: SweepRecord) -> str | None:
    """The page of MLflow's UI at ``server`` that draws the sweep's error curves, one for each configuration.

    What *Compare* and a click on the metric lead to. None while no configuration is in the store at ``uri``, in which
    nothing is made by looking. Raises `TrackingError`.
    """
    connection = look(uri, EXPERIMENT)
    if connection is None:
        return None
    runs = Runs(connection, record.id)
    found = [runs.find(f"{record.id}/{configuration.id}") for configuration in record.sweep.configurations]
    ids = [run.id for run in found if run is not None]
    if not ids:
        return None
    query = {
        "runs": json.dumps(ids),
        "metric": json.dumps(CURVE),
        "experiments": json.dumps([connection.experiment_id]),
        "plot_metric_keys": json.dumps([CURVE]),
        "x_axis": "step",
        "y_axis_scale": "linear",
        "line_smoothness": "1",
        "show_point": "true",
        "deselected_curves": "[]",
        "last_linear_y_axis_range": "[]",
    }
    return f"{server}/#/metric?" + "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
