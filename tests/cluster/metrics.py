"""What Prometheus reads of a sweep on Ray."""

import re
import time
import urllib.request
from collections.abc import Mapping

import ray

PATIENCE_S = 60.0
SAMPLE = re.compile(r"^(ray_pgan_\w+){(.*)} (\S+)$", re.MULTILINE)


def metrics_of(sweep: str, expected: Mapping[str, float]) -> Mapping[str, float]:
    """The metrics of ``sweep``, by name and the one tag beside the sweep: once they are as expected, or at last.

    A driver tells the agent of its node, which serves them, now and then.
    """
    deadline = time.monotonic() + PATIENCE_S
    while (found := _scrape(sweep)) != expected and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def _scrape(sweep: str) -> Mapping[str, float]:
    (node,) = ray.nodes()
    with urllib.request.urlopen(f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics") as answer:
        page = answer.read().decode()
    found = {}
    for name, labels, value in SAMPLE.findall(page):
        tags = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        if tags["sweep"] == sweep:
            found[" ".join([name, *(tags[tag] for tag in ("outcome", "stage") if tag in tags)])] = float(value)
    return found
