"""The file of a sweep's end: few bytes of it tell all but its tables, whoever wrote it."""

import json
from pathlib import Path
from typing import Any

import pytest

from pgan_ray.results import Directory, Estimate, Point, Store, encode_summary, identity
from pgan_ray.results.ending import FIRST_BYTES
from tests.report.report_sweep import make_record

POINT = Point("alpha=0.1", "", 0.4, {"test_error": Estimate(0.1, None, 1, 2)})
AS_READ = {
    "configuration": "alpha=0.1",
    "variant": "",
    "poison_fraction": 0.4,
    "rates": {"test_error": {"mean": 0.1, "half_width": None, "replicates": 1, "cells": 2}},
}


def summary(**more: Any) -> dict[str, Any]:
    """As a run makes one, its tables in the middle."""
    told = {"outcome": "partial", "seconds": 3.5, "points": [POINT, POINT], "changes": [], "strongest": [POINT]}
    return {**identity(make_record()), **told, "cells": {"planned": 4, "finished": 2}, **more}


def as_read(told: dict[str, Any], *without: str) -> dict[str, Any]:
    found = json.loads(json.dumps(told, default=lambda _: AS_READ))
    return {name: value for name, value in found.items() if name not in without}


def directory(folder: Path, content: bytes) -> Directory:
    store = Store(folder)
    store.write("summary.json", content)
    return Directory(store, make_record())


@pytest.mark.parametrize("points", [[], [POINT], [POINT] * 3])
@pytest.mark.parametrize("failures", [[], ['a "text"\n "points": [\n'], ["x" * FIRST_BYTES, "é"]])
def test_a_summary_is_read_back_and_its_head_without_the_tables(
    tmp_path: Path, points: list[Point], failures: list[str]
) -> None:
    told = summary(points=points, failures=failures)
    files = directory(tmp_path, encode_summary(told))
    assert files.summary() == as_read(told)
    assert files.summary_head() == as_read(told, "points", "changes")
    assert files.damaged == {}


def test_what_comes_after_the_head_is_not_looked_at(tmp_path: Path) -> None:
    whole = encode_summary(summary())
    files = directory(tmp_path, whole[: whole.index(b"points") + 20])
    assert files.summary_head() == as_read(summary(), "points", "changes")
    assert files.summary() == {}
    assert "summary.json" in files.damaged


@pytest.mark.parametrize("indent", [None, 1, 4])
@pytest.mark.parametrize("more", [{}, {"nested": {"a": 1, "points": [1]}}])
def test_a_file_with_its_tables_amid_it_all_is_read_whole(
    tmp_path: Path, indent: int | None, more: dict[str, Any]
) -> None:
    told = as_read(summary(**more), "strongest")  # as earlier versions wrote it, or a stranger
    files = directory(tmp_path, json.dumps(told, indent=indent).encode())
    assert files.summary_head() == files.summary() == told
    shifted = json.dumps(told, indent=1).replace("\n  ", "\n ").encode()  # what is nested looks as if it were not
    assert directory(tmp_path, shifted).summary_head() == told
