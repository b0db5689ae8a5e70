"""How MLflow's page of runs opens on a sweep: its configurations, the strongest first, with the columns that matter.

MLflow 3.17 keeps a view that somebody shares as JSON in a tag of the experiment, and opens it by the tag's key.
"""

import json

from pgan_ray.spec import SweepRecord
from pgan_ray.tracking.description import configuration_params
from pgan_ray.tracking.runs import SWEEP_TAG, safe_name

TAG = "mlflow.sharedViewState."
NUMBERS = ("test_error_clean", "test_error_worst", "generators")
MOST_PARAMETERS = 12


def view(record: SweepRecord) -> tuple[str, str]:
    """The tag of the experiment: parameters that vary come first, and none that is the same in all configurations."""
    found = [configuration_params(configuration) for configuration in record.sweep.configurations]
    names = dict.fromkeys(name for params in found for name in params)
    varying = [name for name in names if len({params.get(name) for params in found}) > 1][:MOST_PARAMETERS]
    columns = [f"params.`{safe_name(name)}`" for name in varying] + [f"metrics.`{name}`" for name in NUMBERS]
    state = {
        "searchFilter": f"tags.`{SWEEP_TAG}` = '{record.id}' and metrics.`victims` > 0",
        "orderByKey": "metrics.`test_error_worst`",
        "orderByAsc": False,
        "selectedColumns": columns,
    }
    return f"{TAG}{record.id}", json.dumps(state)
