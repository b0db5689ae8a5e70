"""What is called by a digest in a sweep's directory has a name in MLflow."""

import json
from pathlib import Path

from pgan_ray.tracking import links, rebuild
from tests.tracking.reading import Reader
from tests.tracking.tracking_sweep import SWEEP, make_record, make_store

SECTIONS = SWEEP.replace(
    "task: {classes: [3, 5], poison_class: 5, source_class: 3}",
    "task: {grid: [{classes: [3, 5], poison_class: 5, source_class: 3}, "
    "{classes: [4, 9], poison_class: 9, source_class: 4}]}",
)
SECTIONS = SECTIONS.replace("{grid: [0.1, 0.9]}", "0.1") + "  victim: {widths: {grid: [[8], [16]]}}\n"


def test_runs_metrics_and_pages_are_named_in_words(sqlite_uri: str, tmp_path: Path) -> None:
    record = make_record(SECTIONS)
    rebuild(make_store(tmp_path / "sweep", record), record, tracking_uri=sqlite_uri)
    reader = Reader(sqlite_uri)
    configurations = ["task=3 as 5", "task=4 as 9"]
    generators = [f"{name}/r{replicate}" for name in configurations for replicate in (0, 1)]
    runs = reader.runs()
    assert sorted(runs) == sorted([record.id, *configurations, *generators])
    assert runs["task=4 as 9/r1"].data.params["configuration"] == "task=4 as 9"
    assert [step for step, _ in reader.curve("task=4 as 9", "victim/widths__16_/test_error")] == [0, 20, 40]
    assert "40 % poison of task=3 as 5 widths=[8]. " in runs[record.id].data.tags["pgan.answer"]
    table = json.loads(Path(reader.download(record.id, "summary_table.json")).read_text())
    assert {tuple(row[:2]) for row in table["data"]} == {
        (name, f"widths=[{width}]") for name in configurations for width in (8, 16)
    }
    pages = links("http://127.0.0.1:5000", sqlite_uri, record)
    assert set(pages) == {"the runs", "the error curves of widths=[8]", "the error curves of widths=[16]"}
    assert "widths__16_" in pages["the error curves of widths=[16]"]
