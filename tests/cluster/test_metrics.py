"""The dashboard of what Prometheus reads. That the metrics of sweeps are right: `test_faults`."""

import json
import re
from pathlib import Path

from ray.dashboard.modules.reporter.reporter_agent import METRICS_GAUGES

from tests.cluster.test_faults import COUNTS

DASHBOARD = Path(__file__).parents[2] / "infra/grafana/sweeps.json"


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    queries += [variable["query"] for variable in dashboard["templating"]["list"]]
    asked = {name for query in queries for name in re.findall(r"\bray_\w+", query)}
    of_sweeps = {name for name in asked if name.startswith("ray_pgan_")}
    assert of_sweeps == {name.split()[0] for name in COUNTS}
    assert asked - of_sweeps
    assert asked - of_sweeps <= {f"ray_{name}" for name in METRICS_GAUGES}
