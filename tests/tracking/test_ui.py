"""The pages of MLflow's user interface that `pgan-ray ui` names."""

import json
from urllib.parse import parse_qs

import pytest

from pgan_ray.errors import TrackingError
from pgan_ray.results import Store
from pgan_ray.spec import SweepRecord
from pgan_ray.tracking import links, rebuild
from pgan_ray.tracking.runs import safe_name
from tests.tracking.reading import Reader, within
from tests.tracking.tracking_sweep import SWEEP, make_record

SERVER = "http://127.0.0.1:5000"


def test_the_runs_open_with_what_varies_and_what_came_out(sqlite_uri: str, store: Store, record: SweepRecord) -> None:
    rebuild(store, record, tracking_uri=sqlite_uri)
    pages = links(SERVER, sqlite_uri, record)
    reader = Reader(sqlite_uri)
    page, _, key = pages["the runs"].partition("?viewStateShareKey=")
    assert page == f"{SERVER}/#/experiments/{reader.experiment_id}/runs"
    experiment = reader.client.get_experiment(reader.experiment_id)
    state = json.loads(experiment.tags[f"mlflow.sharedViewState.{key}"])
    numbers = ["metrics.`test_error_clean`", "metrics.`test_error_worst`", "metrics.`generators`"]
    assert state["selectedColumns"] == ["params.`attack.alpha`", *numbers]
    runs = reader.client.search_runs([reader.experiment_id], state["searchFilter"], order_by=[state["orderByKey"]])
    assert {within(run) for run in runs} == {"alpha=0.1", "alpha=0.9"}


def test_every_variants_curves_have_a_page(sqlite_uri: str, store: Store, record: SweepRecord) -> None:
    rebuild(store, record, tracking_uri=sqlite_uri)
    (curves,) = [link for name, link in links(SERVER, sqlite_uri, record).items() if name == "the sweep's error curves"]
    runs = Reader(sqlite_uri).runs()
    asked = parse_qs(curves.partition("?")[2])
    assert json.loads(asked["metric"][0]) == "victim/test_error"
    assert json.loads(asked["runs"][0]) == [runs[name].info.run_id for name in ("alpha=0.1", "alpha=0.9")]
    more = make_record(SWEEP + "  victim: {grid: [{name: mlp}, {name: linear_svm}]}\n")
    metrics = {
        name.removeprefix("the error curves of "): json.loads(parse_qs(link.partition("?")[2])["metric"][0])
        for name, link in links(SERVER, sqlite_uri, more).items()
        if name != "the runs"
    }
    first, second = [variant.id for variant in more.sweep.configurations[0].variants]
    assert metrics == {first: "victim/test_error", second: f"victim/{safe_name(second)}/test_error"}


def test_a_sweep_that_is_in_no_store_here_is_told(sqlite_uri: str, store: Store, record: SweepRecord) -> None:
    told = "must hold the sweep tiny-0001, got nothing of it in sqlite:////.*: `pgan-ray track` writes it there"
    with pytest.raises(TrackingError, match=told):
        links(SERVER, sqlite_uri, record)
    assert links(SERVER, sqlite_uri) == {}
