"""MLflow's own pages on a small sweep in a real browser: what `pgan-ray ui` links to is there, with the rows' means."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from pgan_ray.tracking import links, rebuild
from pgan_ray.tracking.ui import curves
from tests.browser import chromium
from tests.mlflow_server import MlflowServer
from tests.tracking.reading import Reader
from tests.tracking.tracking_sweep import error_of, make_record, make_store

# Plotly keeps what it draws beside the chart's element.
DRAWN = """() => [...document.querySelectorAll(".js-plotly-plot")].flatMap(chart => chart.data)
    .filter(line => line.x && line.x.length).map(line => [line.name, [...line.x], [...line.y]])"""
# As much of the names in legends as is seen: charts beside one another are narrow, and an ellipsis stands for the rest.
SEEN = """() => [...document.querySelectorAll("[data-testid=experiment-view-compare-runs-card] svg + span")].map(it => {
    const text = it.firstChild, range = document.createRange(), ellipsis = 12;
    const right = it.getBoundingClientRect().right - ellipsis;
    let end = text.length + 1;
    do {
        end--;
        range.setStart(text, 0);
        range.setEnd(text, end);
    } while (end > 0 && range.getBoundingClientRect().right > right);
    return text.data.slice(0, end);
})"""
# Sorted by a metric, configurations stand in one list, not below their sweeps.
SORTED = "searchFilter=metrics.%60test_error_worst%60%20%3E%200&orderByKey=metrics.%60test_error_worst%60"
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
    assert {name for name, _ in drawn} == {f"{one.id} [0001 tiny-body]" for one in record.sweep.configurations}
    for configuration in record.sweep.configurations:
        rows: dict[float, list[float]] = {}
        for cell in (cell for replicate in (0, 1) for cell in configuration.cells(replicate)):
            rows.setdefault(100 * cell.poison_fraction, []).append(error_of(cell))
        expected = {step: mean(errors) for step, errors in rows.items()}
        for curve in (curve for name, curve in drawn if name.startswith(configuration.id)):
            assert curve == pytest.approx(expected)

    page.goto(pages["the runs"])
    table = page.get_by_role("grid")
    for text in ("alpha=0.1", "alpha=0.9", "test_error_worst", "attack.alpha", "0.1455"):
        table.get_by_text(text).first.wait_for()
    assert "victims" not in table.inner_text()


def test_two_sweeps_of_one_file_are_told_apart_in_the_legends(
    page: Any, mlflow_server: MlflowServer, tmp_path: Path
) -> None:
    for end in ("ab12", "7f3a"):
        record = replace(make_record(), id=f"tiny-body-20260102-030405-{end}")
        store = make_store(tmp_path / end, record)
        rebuild(store, record, tracking_uri=mlflow_server.uri, experiment="two sweeps")
    reader = Reader(mlflow_server.uri, "two sweeps")
    found = reader.client.search_runs([reader.experiment_id], "metrics.`test_error_worst` > 0")
    ids = [run.info.run_id for run in found]
    expected = {f"alpha={alpha} [{end} tiny-body]" for alpha in (0.1, 0.9) for end in ("ab12", "7f3a")}

    page.goto(curves(mlflow_server.uri, reader.experiment_id, ids, "victim/test_error"))
    for name in expected:
        page.get_by_text(f"{name} (victim/test_error)", exact=True).wait_for()
    page.wait_for_function(f"new Set(({DRAWN})().map(line => line[0])).size == {len(expected)}")
    assert {line[0] for line in page.evaluate(DRAWN)} == expected

    page.goto(f"{mlflow_server.uri}/#/experiments/{reader.experiment_id}/runs?compareRunsMode=CHART&{SORTED}")
    page.wait_for_function(f"new Set(({SEEN})()).size >= {len(expected)}")
    told_apart = len("alpha=0.1 [ab12")
    assert {text[:told_apart] for text in page.evaluate(SEEN)} == {name[:told_apart] for name in expected}
