"""Outcome, facts, cost, failures."""

import json
from pathlib import Path
from typing import Any

import pytest

from pgan_ray.report import facts
from pgan_ray.results import Store
from pgan_ray.spec import Cell, Settings
from pgan_ray.study.study import load_study
from tests.report.report_sweep import FLIPS, harm, make_generators, make_record, make_rows, make_store, make_study


def half_diverged(settings: Settings, cell: Cell) -> dict[str, Any]:
    return harm(settings, cell) | ({"outcome": "diverged"} if cell.replicate == 1 else {})


def test_the_outcome_without_a_summary(tmp_path: Path) -> None:
    assert facts.outcome(make_study(tmp_path / "all")) == "complete"
    assert facts.outcome(make_study(tmp_path / "diverged", scores=half_diverged)) == "partial"
    assert facts.outcome(make_study(tmp_path / "some", replicates=2)) == "unfinished"
    assert facts.outcome(make_study(tmp_path / "none", replicates=0)) == "empty"


@pytest.mark.parametrize("said", ["complete", "partial", "interrupted", "failed"])
def test_the_outcome_is_the_summarys(tmp_path: Path, said: str) -> None:
    store = make_store(tmp_path)
    store.write("summary.json", json.dumps({"outcome": said, "seconds": 3723}).encode())
    study = load_study(store)
    assert facts.outcome(study) == said
    assert ("duration", "1 h 02 min 03 s (wall clock, of the last start)") in facts.fact_rows(study)


def test_rows_overrule_a_summary_that_calls_them_complete(tmp_path: Path) -> None:
    store = make_store(tmp_path / "diverged", scores=half_diverged)
    store.write("summary.json", b'{"outcome": "complete"}')
    assert facts.outcome(load_study(store)) == "partial"
    store = make_store(tmp_path / "some", replicates=2)
    store.write("summary.json", b'{"outcome": "complete"}')
    assert facts.outcome(load_study(store)) == "unfinished"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"outcome": 3, "seconds": "x", "failures": 1}', b'{"failures": ["\\ud800"]}']
)
def test_a_damaged_summary_is_none(tmp_path: Path, content: bytes) -> None:
    store = make_store(tmp_path, replicates=2)
    store.write("summary.json", content)
    study = load_study(store)
    assert facts.outcome(study) == "unfinished"
    assert facts.fact_rows(study)
    assert any(line.startswith("unreadable: summary.json: ") for line, _ in facts.failures(study))


def test_facts_without_secrets_or_local_paths(tmp_path: Path) -> None:
    rows = dict(facts.fact_rows(make_study(tmp_path)))
    assert rows["data source"] == "https://***@data.example/mnist.gz?token=***"
    assert rows["versions"] == "torch 2.13.0"
    assert rows["finished"] == "9 of 9 generators, 54 of 54 cells"
    assert not any("hunter2" in text or "mlflow.db" in text for text in rows.values())


def test_costs_add_up_what_was_computed(tmp_path: Path) -> None:
    costs = facts.costs(make_study(tmp_path, FLIPS))
    assert [(cost.stage, cost.device, cost.units) for cost in costs] == [
        ("stage 1: generators", "cpu", "3 generators"),
        ("stage 2: victims", "cpu", "36 cells"),
    ]
    assert [cost.hours for cost in costs] == pytest.approx([3 * 120 / 3600, 36 * 36 / 3600])


def test_failures_are_listed_once(tmp_path: Path) -> None:
    store = make_store(tmp_path, scores=half_diverged, replicates=2)
    told = {
        "outcome": "partial",
        "failures": ["batch alpha=0.5/r2 failed:\nTraceback\nValueError: no"],
        "diverged": [f"victim alpha=0.1/r1/f{f}/run{r}" for f in ("0", "0.2", "0.4") for r in (0, 1)],
        "retried": [],
    }
    store.write("summary.json", json.dumps(told).encode())
    lines = [line for line, _ in facts.failures(load_study(store))]
    assert lines[0] == "failure: batch alpha=0.5/r2 failed:"
    assert lines.count("diverged: victim alpha=0.1/r1/f0.2/run0") == 1
    assert "diverged: 6 cells of alpha=0.9" in lines
    assert not any("cells of alpha=0.1" in line for line in lines if line.startswith("diverged"))
    assert "missing: 6 cells of alpha=0.1 have no row" in lines


def test_failures_tell_no_secrets(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    told = "no answer from https://someone:hunter2@mlflow.example/?token=hunter2\nTraceback: https://x:hunter2@y"
    store.write("summary.json", json.dumps({"outcome": "failed", "failures": [told]}).encode())
    lines = [text for entry in facts.failures(load_study(store)) for text in entry]
    assert any("mlflow.example" in text for text in lines)
    assert not any("hunter2" in text for text in lines)


def test_diverged_generators_are_listed(tmp_path: Path) -> None:
    store, record = Store(tmp_path), make_record()
    store.write("sweep.yaml", record.to_yaml().encode())
    make_generators(store, record, outcome="diverged")
    make_rows(store, record, lambda settings, cell: harm(settings, cell) | {"outcome": "diverged"})
    study = load_study(store)
    assert ("diverged: generator alpha=0.1/r0", "a loss was not finite") in facts.failures(study)
    assert facts.outcome(study) == "partial"
