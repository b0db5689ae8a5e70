"""A sweep's record: what is written is read back."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pgan_ray.errors import SpecError
from pgan_ray.spec import SweepRecord, load_record, load_sweep, profile_names

from .helpers import Loader

FACTS = {"git_commit": "1234567e12", "note": "a: b # c\n'é'", "version": "1.0", "none": "null", "rate": "1e-4"}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"name": "1e5", "description": "1e-4"},
        {"attack.alpha": {"grid": [0.1, 1, 1e-5]}, "evaluation.runs": {"grid": [1, 2]}},
        {"attack.iterations": None, "attack.epochs": {"grid": [1, 2]}},
        {"attack.iterations": {"grid": [1, 2]}, "seed": 2**63 - 1},
        {"attack.generator": {"grid": [{"widths": [8]}, {"batch_norm": True}]}},
        {"dataset.name": None, "dataset.path": "a b/é.npz", "dataset.value_range": [0, 1]},
        {"evaluation.poison_fractions": {"grid": [[0, 0.1], [0.2]]}},
        {"profiles.paper": {"attack": {"alpha": {"grid": [0.2]}, "iterations": None, "epochs": 3}}},
        {"resources": {"trial": {"cpu": 2}, "max_failures": 0}, "precision": "bf16"},
    ],
)
def test_a_record_is_read_back_equal(load: Loader, changes: dict[str, Any]) -> None:
    sweep = load(changes)
    record = SweepRecord("small-paper-20260102-030405-ab12", sweep, FACTS)
    text = record.to_yaml()
    read = load_record(text, "sweep.yaml")
    assert read == record
    assert read.to_yaml() == text
    # What was left to defaults is in it: a later version's defaults do not change a sweep that has begun.
    assert read.sweep.document["attack"]["sample_from" if "generator" not in changes else "alpha"] is not None


def test_a_record_is_a_sweep_file(load: Loader, tmp_path: Path) -> None:
    sweep = load({"attack.alpha": {"grid": [0.1, 0.3]}, "profiles.quick.attack.replicates": 1}, profile="quick")
    file = tmp_path / "sweep.yaml"
    file.write_text(SweepRecord("id", sweep, FACTS).to_yaml(), encoding="utf-8")
    again = load_sweep(file)
    assert again.configurations == sweep.configurations
    assert again.document == sweep.document
    assert again.profile == load_sweep(file, profile="quick").profile == "quick"


def test_a_record_from_before_the_body_had_a_name_keeps_the_one_it_has(load: Loader, tmp_path: Path) -> None:
    old = SweepRecord("small-paper-20250102-030405-ab12", replace(load(), profile="paper"), FACTS).to_yaml()
    assert load_record(old, "sweep.yaml").sweep.profile == "paper"
    file = tmp_path / "sweep.yaml"
    file.write_text(old, encoding="utf-8")
    assert profile_names(file) == ["body"]
    assert load_sweep(file).profile == load_sweep(file, profile="paper").profile == "paper"


def test_a_really_large_record_is_read(load: Loader) -> None:
    sweep = load({"evaluation.runs": 10_000_000}, really_large=True)
    assert load_record(SweepRecord("id", sweep).to_yaml(), "sweep.yaml").sweep == sweep


def test_a_record_that_could_never_be_expanded_is_refused(load: Loader) -> None:
    text = SweepRecord("id", load()).to_yaml()
    for old, new in (("replicates: 2", "replicates: 1000000000"), ("runs: 3", "runs: 1000000000")):
        with pytest.raises(SpecError, match=r"^sweep\.yaml: a sweep must have at most 100,000,000 cells, got "):
            load_record(text.replace(old, new), "sweep.yaml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("resolved:", "resolve:", r"^d/sweep\.yaml:resolved: must be as `pgan-ray sweep` wrote it, got null$"),
        ("sweep_id: id", "sweep_id: 3", r"^d/sweep\.yaml:resolved: must be as `pgan-ray sweep` wrote it, got \{"),
        ("a: b", "a: 3", r"^d/sweep\.yaml:resolved: must be as `pgan-ray sweep` wrote it, got \{"),
        ("alpha: 0.1", "alpha: 3", r"^d/sweep\.yaml:attack\.alpha: must be at most 1, got 3"),
        ("name: small", "[", r"^d/sweep\.yaml:\d+:\d+: must be valid YAML: "),
        ("runs: 3", "runs: {grid: [5, 5]}", r"^d/sweep\.yaml:evaluation\.runs\.grid\[1\]: must name each value once"),
    ],
)
def test_a_damaged_record_is_refused(load: Loader, old: str, new: str, message: str) -> None:
    text = SweepRecord("id", load(), {"a": "b"}).to_yaml()
    assert old in text
    with pytest.raises(SpecError, match=message):
        load_record(text.replace(old, new), "d/sweep.yaml")


@pytest.mark.parametrize(("written", "got"), [("", "null"), ("  format: 2\n", "2"), ("  format: 4\n", "4")])
def test_a_record_of_another_format_is_refused(load: Loader, tmp_path: Path, written: str, got: str) -> None:
    text = SweepRecord("id", load()).to_yaml().replace("  format: 3\n", written)
    message = f"sweep\\.yaml:resolved\\.format: must be 3, which this version of pgan-ray reads, got {got}$"
    with pytest.raises(SpecError, match=message):
        load_record(text, "sweep.yaml")
    (tmp_path / "sweep.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=message):
        load_sweep(tmp_path / "sweep.yaml")
