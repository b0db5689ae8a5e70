"""Attacks without generators in MLflow."""

import re
from pathlib import Path

import pytest

from pgan_ray.tracking import rebuild
from tests.tracking.reading import Reader
from tests.tracking.tracking_sweep import SWEEP, make_record, make_store

MIXED = SWEEP.replace("alpha: {grid: [0.1, 0.9]}", "name: {grid: [pgan, none]}\n  alpha: 0.1")
BASELINES = re.sub(
    r"attack:\n(  .*\n)+", "attack: {name: {grid: [random_label_flip, none]}, replicates: 2}\n", SWEEP, count=1
)


@pytest.mark.parametrize(
    ("text", "names", "generators"),
    [
        (MIXED, ["attack=pgan", "attack=none"], ["attack=pgan/r0", "attack=pgan/r1"]),
        (BASELINES, ["attack=random_label_flip", "attack=none"], []),
    ],
    ids=["beside pgan", "alone"],
)
def test_a_baseline_has_its_curve_and_no_generators(
    text: str, names: list[str], generators: list[str], tmp_path: Path, sqlite_uri: str
) -> None:
    record = make_record(text)
    store = make_store(tmp_path / "sweep", record)
    rebuild(store, record, tracking_uri=sqlite_uri)
    reader = Reader(sqlite_uri)
    runs = reader.runs()
    assert sorted(runs) == sorted([record.id, *names, *generators])
    assert set(reader.statuses().values()) == {"FINISHED"}
    assert runs[record.id].data.params["generators"] == str(len(generators))
    for name in names:
        assert [step for step, _ in reader.curve(name, "victim/test_error")] == [0, 20, 40]
        assert runs[name].data.params["attack.name"] == name.removeprefix("attack=")
        assert runs[name].data.metrics["victims"] == 12

    before = reader.everything()
    rebuild(store, record, tracking_uri=sqlite_uri)
    assert reader.everything() == before
