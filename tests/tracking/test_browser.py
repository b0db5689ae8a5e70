"""MLflow's own pages on a small sweep in a real browser: what `pgan-ray ui` links to is there, with the rows' means."""

from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from pgan_ray.tracking import links, rebuild
from tests.browser import chromium
from tests.mlflow_server import MlflowServer
from tests.tracking.tracking_sweep import error_of, make_record, make_store

# Plotly keeps what it draws beside the chart's element.
DRAWN = """() => [...document.querySelectorAll(".js-plotly-plot")].flatMap(chart => chart.data)
    .filter(line => line.x && line.x.length).map(line => [line.name, [...line.x], [...line.y]])"""
PATIENCE_MS = 60_000  # a server's first pages take their time on a busy machine


@pytest.fixture
def page() -> Iterator[Any]:
    """A page of it."""
    with chromium() as browser:
        opened = browser.new_page(viewport={"width": 1500, "height": 900})
        opened.set_default_timeout(PATIENCE_MS)
        yield opened


def test_the_runs_and_their_curves_are_drawn(page: Any, mlflow_server: MlflowServer, tmp_path: Path) -> None:
    record = make_record()
    store = make_store(tmp_path / "sweep", record)
    rebuild(store, record, tracking_uri=mlflow_server.uri)
    pages = links(mlflow_server.uri, mlflow_server.uri, record)

    page.goto(pages["the sweep's error curves"])
    page.wait_for_function(f"new Set(({DRAWN})().map(line => line[0])).size == 2")
    # Its line and its points are one each.
    drawn = [(name, dict(zip(x, y, strict=True))) for name, x, y in page.evaluate(DRAWN)]
    assert {name for name, _ in drawn} == {configuration.id for configuration in record.sweep.configurations}
    for configuration in record.sweep.configurations:
        rows: dict[float, list[float]] = {}
        for cell in (cell for replicate in (0, 1) for cell in configuration.cells(replicate)):
            rows.setdefault(100 * cell.poison_fraction, []).append(error_of(cell))
        expected = {step: mean(errors) for step, errors in rows.items()}
        for curve in (curve for name, curve in drawn if name == configuration.id):
            assert curve == pytest.approx(expected)

    page.goto(pages["the runs"])
    table = page.get_by_role("grid")
    for text in ("alpha=0.1", "alpha=0.9", "test_error_worst", "attack.alpha", "0.1455"):
        table.get_by_text(text).first.wait_for()
    assert "victims" not in table.inner_text()
